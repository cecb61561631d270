"""The web role: the HTTP server, its live fan-out, and their graceful shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable

from tornado.netutil import bind_sockets

from handlers.base.context import HandlerContext
from handlers.routes import make_routes
from handlers.site.pages import UnknownPathHandler
from hospital_rt.bootstrap import make_app, make_server
from hospital_rt.logs import log
from hospital_rt.ops.health import CannotListen, Readiness, watch_event_loop
from hospital_rt.realtime import protocol
from hospital_rt.realtime.connection_counter import ConnectionCounter
from hospital_rt.realtime.hub import Hub
from hospital_rt.realtime.pubsub import WakeUpListener
from models.app_context import AppContext
from tasks.broker import ReliableStreamBroker
from tasks.dispatcher import Dispatcher
from tasks.registry import register_all

DRAIN_WITHIN_S = 5.0
"""How long requests in flight may take once the server stops."""
LINGER_S = 1.5
"""How long idle connections stay open: longer than a proxy keeps them (``keepalive_timeout`` in deploy/nginx)."""


def bind(host: str, port: int) -> list[socket.socket]:
    """The listening sockets.

    Raises:
        CannotListen: with one line for the operator.
    """
    try:
        return bind_sockets(port, address=host, backlog=4096)
    except OSError as error:
        raise CannotListen(f"HOST, PORT: cannot listen on {host} port {port} ({error.strerror})") from None


async def run_web(app: AppContext, *, stop: asyncio.Event, ready: Callable[[], None]) -> None:
    """Serve until ``stop`` is set; then refuse new requests, close sockets with 1012, finish requests in progress."""
    settings, resources = app.settings, app.resources
    listening = bind(settings.host, settings.port)  # before anything else is started that would have to be stopped
    broker = ReliableStreamBroker(settings.redis_url or "")
    register_all(broker, tick_s=settings.tick_s)
    counter = ConnectionCounter(resources.redis, resources.wakeups.close_connections)
    hub = Hub(app.feeds, resources.metrics, counter)
    resources.wakeups.subscribe_local(hub.handle_message)
    listener = WakeUpListener(settings.redis_url or "", on_message=hub.handle_message, on_back=hub.rescan)
    dispatcher = Dispatcher(broker)
    readiness = Readiness(
        needed={"mongodb": resources.database.ping, "keys": resources.vault.keys_fit},
        wanted={"redis": resources.redis.ping},
    )
    context = HandlerContext(app=app, dispatcher=dispatcher, hub=hub, readiness=readiness)
    server = make_server(make_app(make_routes(context), not_found=UnknownPathHandler, arguments={"context": context}))
    listener.start()
    hub.start(listener.connected)
    await counter.start()
    server.add_sockets(listening)
    log.info("web.serving", port=settings.port)
    watching = asyncio.create_task(watch_event_loop(readiness, resources.metrics), name="watch")
    ready()
    try:
        await stop.wait()
    finally:
        context.draining.set()
        watching.cancel()
        server.stop_accepting()
        server.close_after_next_response()
        for live in list(context.sockets):
            live.end(protocol.RESTARTING, "restarting")
        await asyncio.gather(
            _until(lambda: not server.open_connections, within_s=LINGER_S),
            _until(lambda: not context.in_flight, within_s=DRAIN_WITHIN_S),
        )
        await _until(lambda: not context.sockets, within_s=1.0)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(server.close_all_connections(), 2)
        await hub.stop()
        await counter.stop()
        await listener.stop()
        await dispatcher.close()
        with contextlib.suppress(Exception):
            await broker.shutdown()


async def _until(done: Callable[[], bool], *, within_s: float) -> None:
    """Wait until ``done()`` is true, or the time is over."""
    deadline = time.monotonic() + within_s
    while not done() and time.monotonic() < deadline:  # noqa: ASYNC110 - handlers signal no event
        await asyncio.sleep(0.02)  # poll
