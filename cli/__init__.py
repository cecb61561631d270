"""Operator commands: accounts, backup and restore, demo data."""
