"""Services of what patients ask their doctor."""
