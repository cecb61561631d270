"""Records of how people stand to each other, beyond the assignment of a patient to a doctor."""
