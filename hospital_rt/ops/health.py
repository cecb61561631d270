"""Liveness, readiness and metrics of every role.

The web role serves them on its own port (``handlers/site/health.py``); a worker or a scheduler on ``OPS_PORT``, when
that is set, by the small server here. Details and metrics are only for ``OPS_ALLOW``, which is matched against the
socket's address.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from hospital_rt.logs import log
from hospital_rt.ops.metrics import Metrics
from hospital_rt.ops.networks import is_in
from hospital_rt.settings import Settings
from hospital_rt.version import versions
from hospital_rt.web.problems import Problem

REACH_WITHIN_S = 2.0
CHECK_EVERY_S = 5.0
DependencyCheck = Callable[[], Awaitable[Any]]


class CannotListen(Exception):
    """The address is taken, or not one of this machine; ``str()`` is one line for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Dependencies that a role needs (``needed``), and those it can miss for a while (``wanted``).

    A check raises, or returns False, when the dependency is unreachable.
    """

    needed: Mapping[str, DependencyCheck] = field(default_factory=dict)
    wanted: Mapping[str, DependencyCheck] = field(default_factory=dict)

    async def check(self) -> tuple[str, dict[str, bool]]:
        """``ready``, ``degraded`` or ``unavailable``, and which dependencies were reached."""
        names = [*self.needed, *self.wanted]
        reached = await asyncio.gather(*(_reach(look) for look in (*self.needed.values(), *self.wanted.values())))
        found = dict(zip(names, reached, strict=True))
        if not all(found[name] for name in self.needed):
            return "unavailable", found
        return "ready" if all(reached) else "degraded", found


async def _reach(look: DependencyCheck) -> bool:
    try:
        return bool(await asyncio.wait_for(look(), REACH_WITHIN_S) is not False)
    except Exception:
        return False


def figures(metrics: Metrics) -> tuple[str, bytes]:
    """The content type and the text for Prometheus."""
    return CONTENT_TYPE_LATEST, generate_latest(metrics.registry)


async def watch_event_loop(readiness: Readiness, metrics: Metrics) -> None:
    """Check the dependencies every few seconds, for the metrics, until cancelled."""
    while True:
        _, found = await readiness.check()
        for name, is_reached in found.items():
            metrics.up.labels(name).set(is_reached)
        began = time.monotonic()
        await asyncio.sleep(CHECK_EVERY_S)  # its lateness is measured
        metrics.loop_lag.set(max(0.0, time.monotonic() - began - CHECK_EVERY_S))


class _Probe(RequestHandler):
    """``/healthz``, ``/readyz`` and ``/metrics``; 404 for any other path and for addresses that are not allowed."""

    def initialize(self, settings: Settings, readiness: Readiness, metrics: Metrics) -> None:
        self.settings_, self.readiness, self.metrics = settings, readiness, metrics
        self.clear_header("Server")

    async def get(self, what: str) -> None:
        self.set_header("Cache-Control", "no-store")
        allowed = is_in(self.request.remote_ip or "", self.settings_.ops_allow)
        if what == "metrics" and allowed:
            content_type, text = figures(self.metrics)
            self.set_header("Content-Type", content_type)
            self.finish(text)
        elif what == "healthz":
            self.finish({"status": "alive", **(versions() if allowed else {})})
        elif what == "readyz":
            status, found = await self.readiness.check()
            self.set_status(503 if status == "unavailable" else 200)
            self.finish({"status": status, **(found if allowed else {})})
        else:
            self.set_status(404)
            self.set_header("Content-Type", "application/problem+json")
            self.finish(json.dumps(Problem("not-found").document()))

    head = get


@contextlib.asynccontextmanager
async def serve_probes(settings: Settings, readiness: Readiness, metrics: Metrics) -> AsyncIterator[None]:
    """Check the dependencies during the block, and serve ``OPS_PORT`` when it is set.

    Raises:
        CannotListen: the address is taken, or not one of this machine.
    """
    server: HTTPServer | None = None
    if settings.ops_port is not None:
        given = {"settings": settings, "readiness": readiness, "metrics": metrics}
        app = Application([(r"/([a-z]*)/?.*", _Probe, given)], log_function=lambda handler: None)
        server = HTTPServer(app, max_header_size=8192, max_body_size=0, idle_connection_timeout=60)
        try:
            server.add_sockets(bind_sockets(settings.ops_port, address=settings.host))
        except OSError as error:
            raise CannotListen(
                f"HOST, OPS_PORT: cannot listen on {settings.host} port {settings.ops_port} ({error.strerror})"
            ) from None
        log.info("probes.serving", port=settings.ops_port)
    watching = asyncio.create_task(watch_event_loop(readiness, metrics), name="watch")
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.wait({watching}, timeout=1.0)
        if server is not None:
            server.stop()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(server.close_all_connections(), 1)
