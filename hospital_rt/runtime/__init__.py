"""Processes: roles, the supervisor and the embedded servers."""
