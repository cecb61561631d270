"""For those who run it: alive, ready, figures."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from handlers.door import Door, is_in
from hospital_rt.problems import Problem
from hospital_rt.wakeups import REDIS_AWAY

REACH_WITHIN_S = 2.0
FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP")


class OperationsDoor(Door):
    """Probes come by any host name; what tells more than yes or no goes to ``OPS_ALLOW`` alone."""

    checks_host = False

    async def prepare(self) -> None:
        self.receive()
        if self.request.method not in {"GET", "HEAD"}:
            raise Problem("method-not-allowed")

    def compute_etag(self) -> None:
        """None: a probe wants the present."""

    def may_see_details(self) -> bool:
        """By the socket's address. What came through a proxy on this machine only looks as if it came from here."""
        if any(name in self.request.headers for name in FORWARDED):
            return False
        allowed = [ip_network(one, strict=False) for one in self.settings_.ops_allow]
        return is_in(self.request.remote_ip or "", allowed)

    def answer(self, status: int, document: dict[str, Any]) -> None:
        self.set_status(status)
        self.set_header("Cache-Control", "no-store")
        self.finish(document)


class HealthHandler(OperationsDoor):
    async def get(self) -> None:
        """Alive: this process answers."""
        self.answer(200, {"status": "alive"})

    head = get


class ReadyHandler(OperationsDoor):
    async def get(self) -> None:
        """Ready: MongoDB is reached. Without Redis it is ``degraded`` and still serves."""
        mongo, redis = await asyncio.gather(self._mongo(), self._redis())
        draining = self.doors.draining.is_set()
        status = "stopping" if draining else "unavailable" if not mongo else "ready" if redis else "degraded"
        document: dict[str, Any] = {"status": status}
        if self.may_see_details():
            document["mongodb"], document["redis"] = mongo, redis
            document["sockets"] = len(self.doors.sockets)
        if status in {"stopping", "unavailable"}:
            self.set_header("Retry-After", "2")
        self.answer(200 if status in {"ready", "degraded"} else 503, document)

    head = get

    async def _mongo(self) -> bool:
        try:
            await asyncio.wait_for(self.doors.house.resources.database.ping(), REACH_WITHIN_S)
        except Exception:
            return False
        return True

    async def _redis(self) -> bool:
        try:
            await asyncio.wait_for(self.doors.house.resources.redis.ping(), REACH_WITHIN_S)
        except REDIS_AWAY:
            return False
        return True


class MetricsHandler(OperationsDoor):
    async def get(self) -> None:
        """Prometheus text, for ``OPS_ALLOW``; anybody else finds nothing here."""
        if not self.may_see_details():
            raise Problem("not-found")
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.finish(generate_latest(self.doors.house.resources.metrics.registry))
