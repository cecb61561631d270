"""What was read of a text, kept while one answer is judged.

One promise: clinical text is remembered no longer than ``remembering`` lasts, and by nobody but its own task; outside
of it nothing is remembered at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
_MEMO: ContextVar[dict[tuple[Any, ...], list[Any]] | None] = ContextVar("read", default=None)


@contextmanager
def remembering() -> Iterator[None]:
    """While this lasts, each text is read once by each function that is ``remembered``."""
    token = _MEMO.set({})
    try:
        yield
    finally:
        _MEMO.reset(token)


def remembered(read: Callable[P, Iterable[T]]) -> Callable[P, list[T]]:
    """A function of texts and days (by place, not by name), whose findings are kept while ``remembering``."""

    @wraps(read)
    def once(*args: P.args, **kwargs: P.kwargs) -> list[T]:
        memo = _MEMO.get()
        if memo is None or kwargs:
            return list(read(*args, **kwargs))
        key = (read, *args)
        found = memo.get(key)
        if found is None:
            found = memo[key] = list(read(*args, **kwargs))
        return found[:]

    return once
