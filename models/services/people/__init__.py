"""Services about the people around a patient: one transaction each."""
