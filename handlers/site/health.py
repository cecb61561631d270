"""Health endpoints for operators: liveness, readiness, metrics."""

from __future__ import annotations

from typing import Any

from handlers.base.base_handler import BaseHandler
from hospital_rt.ops.health import figures
from hospital_rt.ops.networks import is_in
from hospital_rt.version import versions
from hospital_rt.web.problems import Problem

FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP")


class OperationsHandler(BaseHandler):
    """Probes may use any host name; details are only for ``OPS_ALLOW``."""

    checks_host = False

    def compute_etag(self) -> None:
        """None: probe responses are not cached."""

    def may_see_details(self) -> bool:
        """By the socket's address. A request through a proxy on this machine only appears to come from here."""
        if any(name in self.request.headers for name in FORWARDED):
            return False
        return is_in(self.request.remote_ip or "", self.settings_.ops_allow)

    def answer(self, status: int, document: dict[str, Any]) -> None:
        self.set_status(status)
        self.set_header("Cache-Control", "no-store")
        self.finish(document)


class HealthHandler(OperationsHandler):
    async def get(self) -> None:
        """Alive: this process answers. Operators see which version it is."""
        self.answer(200, {"status": "alive", **(versions() if self.may_see_details() else {})})


class ReadyHandler(OperationsHandler):
    async def get(self) -> None:
        """Ready: MongoDB is reached. Without Redis it is ``degraded`` and still serves."""
        status, reached = await self.context.readiness.check()
        if self.context.draining.is_set():
            status = "stopping"
        document: dict[str, Any] = {"status": status}
        if self.may_see_details():
            document |= {**reached, "sockets": len(self.context.sockets)}
        if status in {"stopping", "unavailable"}:
            self.set_header("Retry-After", "2")
        self.answer(200 if status in {"ready", "degraded"} else 503, document)


class MetricsHandler(OperationsHandler):
    async def get(self) -> None:
        """Prometheus text, for ``OPS_ALLOW``; 404 for any other address."""
        if not self.may_see_details():
            raise Problem("not-found")
        metrics = self.resources.metrics
        metrics.in_flight.set(len(self.context.in_flight))
        content_type, text = figures(metrics)
        self.set_header("Content-Type", content_type)
        self.finish(text)
