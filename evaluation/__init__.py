"""Scoring extractors on labelled notes: ``python -m evaluation``."""
