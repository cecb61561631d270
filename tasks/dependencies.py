"""How a task gets the house it works in: from the broker's state, where its role has put it."""

from __future__ import annotations

from typing import Annotated, Any

from taskiq import Context, TaskiqDepends

from models.app_context import House


def house_of(context: Annotated[Context, TaskiqDepends()]) -> House:
    """The house of the worker that runs this task."""
    house: House = context.state.house
    return house


def desk_of(context: Annotated[Context, TaskiqDepends()]) -> Any:
    """The desk at which this worker reads notes."""
    return context.state.desk


HouseDep = Annotated[House, TaskiqDepends(house_of)]
