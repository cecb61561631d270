"""Task dependencies: the application context from the broker's state."""

from __future__ import annotations

from typing import Annotated, Any

from taskiq import Context, TaskiqDepends

from models.app_context import AppContext


def app_of(context: Annotated[Context, TaskiqDepends()]) -> AppContext:
    """The application context of the worker that runs this task."""
    app: AppContext = context.state.app
    return app


def note_worker_of(context: Annotated[Context, TaskiqDepends()]) -> Any:
    """The note worker of this process."""
    return context.state.note_worker


AppDep = Annotated[AppContext, TaskiqDepends(app_of)]
