"""Documents of MongoDB as frozen dataclasses, and back."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

from hospital_rt.storage.database import Document

T = TypeVar("T")


# Of each dataclass: its members, and their keys in a document.
_MEMBERS: dict[type[Any], tuple[tuple[str, str], ...]] = {}


def _members(shape: type[Any]) -> tuple[tuple[str, str], ...]:
    if shape not in _MEMBERS:
        _MEMBERS[shape] = tuple((one.name, "_id" if one.name == "id" else one.name) for one in fields(shape))
    return _MEMBERS[shape]


def read_document(shape: type[T], row: Document, **decoded: Any) -> T:
    """The record that a document holds. A member that it lacks has its default, and ``id`` is ``_id``.

    Args:
        decoded: members that are stored in another form.

    Raises:
        TypeError: the document lacks a member without a default.
    """
    found = {name: row[key] for name, key in _members(shape) if key in row}
    return shape(**{**found, **decoded})


def write_document(record: Any) -> Document:
    """The document of a record of which every member is stored as it is."""
    return {key: getattr(record, name) for name, key in _members(type(record))}
