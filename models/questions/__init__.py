"""What patients ask their doctor."""
