"""Assertion: what a sentence says of an act in it (negated, past, considered, another person, stopped, ...)."""

from hospital_rt.extraction.context.assertion import CATEGORIES, Row, assertions, rows

__all__ = ["CATEGORIES", "Row", "assertions", "rows"]
