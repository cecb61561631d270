"""Frozen dataclasses as documents: of MongoDB, and back, and in wire format."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from datetime import datetime
from typing import Any, TypeVar

from hospital_rt.domain.clock import to_wire
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


def write_document(record: Any, *, without: Collection[str] = ()) -> Document:
    """The document of a record whose members are stored as they are, but for those that it is to be ``without``."""
    return {key: getattr(record, name) for name, key in _members(type(record)) if name not in without}


def to_json(record: Any, *names: str) -> Document:
    """These members of a record in wire format, without names all of them: a moment is RFC 3339 text."""
    values = {name: getattr(record, name) for name in names or [name for name, _ in _members(type(record))]}
    return {name: to_wire(value) if isinstance(value, datetime) else value for name, value in values.items()}
