"""Structured logs with an allow-list of fields.

A log line is an event name and fields from a fixed list of names; everything else is dropped. Lines of other libraries
keep their logger and level and lose their text, since it may quote a message.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog

FIELDS = frozenset(
    {
        "attempt",
        "count",
        "delay_s",
        "delivery",
        "dropped",
        "duration_ms",
        "error",
        "event",
        "kind",
        "level",
        "letter_id",
        "library",
        "message_id",
        "method",
        "name",
        "note_id",
        "port",
        "reason",
        "request_id",
        "route",
        "status",
        "step_id",
        "steps",
        "task",
        "task_id",
        "timestamp",
        "user_id",
        "version",
        "where",
    }
)


def _allow(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    error = line.pop("exc_info", None)
    if error:
        line.update(describe_error(error if isinstance(error, BaseException) else sys.exc_info()[1]))
    return {key: value for key, value in line.items() if key in FIELDS and isinstance(value, str | int | float | bool)}


def describe_error(error: BaseException | None) -> dict[str, str]:
    """An exception as its type and its stack frames. Never its message: that may quote a note."""
    if error is None:
        return {}
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    where = " < ".join(f"{frame.filename.rsplit('/', 2)[-1]}:{frame.lineno}" for frame in reversed(frames))
    return {"error": type(error).__qualname__, "where": where}


class _ForeignLines(logging.Handler):
    """Lines of libraries: logger, level and the type of the error. Their text is dropped."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        line = structlog.get_logger()
        line.log(record.levelno, "library.line", library=record.name, **describe_error(error))


def configure_logging(*, form: str, level: str) -> None:
    """Set up logging of this process: ``form`` is ``json`` or ``text``; lines go to standard error."""
    threshold = getattr(logging, level.upper())
    render: Any = (
        structlog.processors.JSONRenderer(sort_keys=False)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _allow,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_ForeignLines()]
    root.setLevel(logging.WARNING)
    logging.getLogger("tornado.access").setLevel(logging.CRITICAL)
    # These log a task's whole message, or a fault that the broker and the loop already report as an event.
    for name in ("taskiq", "tornado.general"):
        logging.getLogger(name).setLevel(logging.ERROR)


log: Any = structlog.get_logger()
