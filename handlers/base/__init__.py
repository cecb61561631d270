"""Base classes and policies that all handlers share."""
