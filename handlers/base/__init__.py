"""Base classes and policies of all handlers."""
