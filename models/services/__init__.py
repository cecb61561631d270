"""Services: one transaction each, over several collections."""
