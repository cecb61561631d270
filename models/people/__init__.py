"""Relations between users, beyond the assignment of a patient to a doctor."""
