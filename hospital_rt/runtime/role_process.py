"""One role as a process: signals, wrong settings, a database that is not up yet."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from hospital_rt.logs import describe_error, log
from hospital_rt.runtime.supervisor import WRONG_SETTINGS
from hospital_rt.storage.database import NotServable, is_unavailable, why_unavailable
from hospital_rt.storage.field_encryption import WrongKeys

T = TypeVar("T")
DATABASE_WITHIN_S = 60.0  # to wait for a database that is not up yet


def run_async(main: Coroutine[Any, Any, int]) -> int:
    """Run to the end, on uvloop where it is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def print_settings_error(lines: list[str]) -> None:
    """Print one line for each wrong setting, for the operator."""
    for line in lines:
        sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


async def run_role(
    open_it: Callable[[], contextlib.AbstractAsyncContextManager[Any]],
    work: Callable[[Any, asyncio.Event], Awaitable[None]],
) -> int:
    """Open the resources of a role, waiting for a database that is not up yet, and work until a signal.

    Returns the exit code: 0 after a clean stop, 1 when the database stays unreachable, 2 for wrong keys or a database
    that cannot be served.
    """
    stop = stop_on_signals()
    began = time.monotonic()
    while not stop.is_set():
        async with contextlib.AsyncExitStack() as stack:
            try:
                app = await _unless(stop, stack.enter_async_context(open_it()))
            except WrongKeys:
                print_settings_error(["ENCRYPTION_KEYS: these keys do not open this database"])
                return WRONG_SETTINGS
            except NotServable as refused:
                print_settings_error([str(refused)])
                return WRONG_SETTINGS
            except Exception as error:
                # Or it refuses the password: it may be starting, and its users may not exist yet.
                if not is_unavailable(error):
                    raise
                if time.monotonic() - began > DATABASE_WITHIN_S:
                    print_settings_error([why_unavailable(error)])
                    return 1
                log.warning("role.waits_for_database", **describe_error(error))
                await _unless(stop, asyncio.sleep(1))  # retry
                continue
            if app is not None:
                await work(app, stop)
    return 0


async def _unless(stop: asyncio.Event, doing: Coroutine[Any, Any, T]) -> T | None:
    """The result, or None when ``stop`` is set first: the coroutine is then cancelled."""
    task, stopping = asyncio.create_task(doing), asyncio.create_task(stop.wait())
    await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if task.done():
        return task.result()
    task.cancel()
    await asyncio.wait({task}, timeout=3)
    return None
