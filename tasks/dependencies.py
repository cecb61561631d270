"""How a task gets the house it works in: from the broker's state, where its role has put it."""

from __future__ import annotations

from typing import Annotated, Any

from taskiq import Context, TaskiqDepends

from models.app_context import AppContext


def app_of(context: Annotated[Context, TaskiqDepends()]) -> AppContext:
    """The house of the worker that runs this task."""
    app: AppContext = context.state.app
    return app


def note_worker_of(context: Annotated[Context, TaskiqDepends()]) -> Any:
    """The desk at which this worker reads notes."""
    return context.state.note_worker


AppDep = Annotated[AppContext, TaskiqDepends(app_of)]
