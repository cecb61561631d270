"""Documents of MongoDB as frozen dataclasses."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import Any, TypeVar

from hospital_rt.storage.database import Document

T = TypeVar("T")


@cache
def _members(shape: Any) -> tuple[tuple[str, str], ...]:
    return tuple((one.name, "_id" if one.name == "id" else one.name) for one in fields(shape))


def read_document(shape: type[T], row: Document, **decoded: Any) -> T:
    """The record that a document holds. A member that it lacks has its default, and ``id`` is ``_id``.

    Args:
        decoded: members that are stored in another form.

    Raises:
        TypeError: the document lacks a member without a default.
    """
    found = {name: row[key] for name, key in _members(shape) if key in row}
    return shape(**{**found, **decoded})
