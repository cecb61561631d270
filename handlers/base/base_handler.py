"""Base of REST, pages, probes and the live channel's upgrade: host check, client address, headers, errors, sign-in."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any, ClassVar
from urllib.parse import urlsplit
from uuid import uuid4

import structlog
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler

from handlers.base.context import HandlerContext, Principal
from hospital_rt.bootstrap import Resources
from hospital_rt.domain.audit_types import AuditRole
from hospital_rt.domain.clock import utcnow
from hospital_rt.domain.errors import DomainError
from hospital_rt.logs import log
from hospital_rt.ops.networks import is_in
from hospital_rt.settings import Settings
from hospital_rt.storage.database import Document, is_unavailable
from hospital_rt.storage.field_encryption import Unreadable, WrongKeys
from hospital_rt.web.problems import Problem
from hospital_rt.web.tokens import EndedToken, InvalidToken
from models.audit import AuditActor
from models.services.check_in import StepOutcome
from models.store import Store
from models.visibility import Access, answering, step_as_seen

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}\Z", re.ASCII)
READ_AS_STANDARD = {400: "bad-request", 403: "not-found", 404: "not-found", 405: "method-not-allowed", 413: "too-large"}
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


@lru_cache(maxsize=16)
def own_hosts(public_url: str, port: int) -> frozenset[str]:
    """The accepted ``Host`` values: that of ``PUBLIC_URL``, and the loopback names of this machine."""
    parts = urlsplit(public_url)
    standard = {"http": 80, "https": 443}[parts.scheme]
    names = {parts.netloc.rsplit("@", 1)[-1].lower()}
    if parts.port is None or parts.port == standard:
        names |= {parts.hostname or "", f"{parts.hostname}:{standard}"}
    names |= {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}
    return frozenset(names)


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


class BaseHandler(RequestHandler):
    """Base class of all handlers."""

    context: HandlerContext
    checks_host: ClassVar[bool] = True
    methods: ClassVar[frozenset[str]] = frozenset({"GET", "HEAD"})

    def initialize(self, context: HandlerContext) -> None:
        self.context = context
        self.began = time.perf_counter()
        self.request_id = uuid4().hex
        self._lasting: dict[str, str] = {}
        self.set_default_headers()  # Tornado called it before the settings were available

    def set_lasting_header(self, name: str, value: str) -> None:
        """Set a header that error responses carry too: Tornado clears the others before it responds with an error."""
        self._lasting[name] = value
        self.set_header(name, value)

    @property
    def settings_(self) -> Settings:
        return self.context.app.settings

    @property
    def resources(self) -> Resources:
        return self.context.app.resources

    @property
    def store(self) -> Store:
        return self.context.app.store

    def now(self) -> datetime:
        """The current time for clinical data."""
        return self.context.app.now()

    def count_sign_in(self, outcome: str) -> None:
        self.resources.metrics.sign_ins.labels(outcome).inc()

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        for name, value in SECURITY_HEADERS.items():
            self.set_header(name, value)
        self.set_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        context = getattr(self, "context", None)
        if context is not None and context.app.settings.behind_tls:
            self.set_header("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
        self.set_header("X-Request-ID", getattr(self, "request_id", ""))
        for name, value in getattr(self, "_lasting", {}).items():
            self.set_header(name, value)

    async def prepare(self) -> None:
        self.receive()
        if self.request.method not in self.methods:
            raise Problem("method-not-allowed")

    async def head(self, *args: Any, **kwargs: Any) -> None:
        """The headers of GET, without its body."""
        get: Callable[..., Any] = self.get
        await get(*args, **kwargs)

    def receive(self) -> None:
        """Checks that precede all others.

        Raises:
            Problem: unknown host, or a request that cannot be parsed.
        """
        self.context.in_flight.add(self)
        given = self.request.headers.get("X-Request-ID", "")
        if _REQUEST_ID.match(given):
            self.request_id = given
        self.set_header("X-Request-ID", self.request_id)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=self.request_id)
        hosts = own_hosts(self.settings_.public_url, self.settings_.port)
        if self.checks_host and self.request.headers.get("Host", "").lower() not in hosts:
            raise Problem("bad-host")

    @property
    def client_address(self) -> str:
        """The client's address: of the socket, or as reported by a trusted proxy."""
        address = self.request.remote_ip or ""
        trusted = self.settings_.trusted_proxies
        forwarded = self.request.headers.get_list("X-Forwarded-For")
        hops = [hop.strip() for line in forwarded for hop in line.split(",")]
        while hops and is_in(address, trusted):
            address = hops.pop()
        return address

    def actor_of(self, who: Principal) -> AuditActor:
        """The signed-in user, for the audit."""
        return self.actor_as(who.role, user_id=who.id, session_id=who.session_id)

    def actor_as(self, role: AuditRole, *, user_id: str | None = None, session_id: str | None = None) -> AuditActor:
        """The acting user or role of this request, for the audit."""
        return AuditActor(
            role=role,
            user_id=user_id,
            session_id=session_id,
            request_id=self.request_id,
            address=self.client_address,
        )

    async def announce(self, user_ids: Iterable[str]) -> None:
        await self.resources.wakeups.announce(user_ids)

    async def revoke(self, session_ids: Iterable[str]) -> None:
        await self.resources.wakeups.revoke(session_ids)

    async def answer_step(
        self, step_id: str, answer: Callable[..., Awaitable[StepOutcome]], *, who: Principal, actor: AuditActor
    ) -> Document:
        """Answer a step for its patient, who is the caller or a person for whom the caller cares.

        Args:
            answer: a service that answers, with what the caller sent.

        Returns:
            The step as the caller may see it now.
        """

        async def work(access: Access) -> StepOutcome:
            by: Document | None = None
            if access.via != "self":
                by = {"id": who.id, "name": (await self.store.users.names({who.id}))[who.id]}
            return await answer(
                self.store, patient_id=access.patient_id, step_id=step_id, now=self.now(), actor=actor, by=by
            )

        done, access = await answering(self.store, who, step_id, work)
        await self.announce(done.users)
        return await step_as_seen(self.store, access, done.step, now=self.now())

    @property
    def client_hash(self) -> str:
        """Keyed hash of the client's address for rate limits; for IPv6 of its /64."""
        try:
            address = ip_address(self.client_address)
        except ValueError:
            return "unknown"
        text = str(ip_network(f"{address}/64", strict=False)) if address.version == 6 else str(address)
        return self.context.tokens.keyed_hash(b"address", text.encode())

    def origin_is_ours(self) -> bool:
        """Whether the browser reports our own origin; requests without an origin (not from a browser) are accepted."""
        origin = self.request.headers.get("Origin")
        site = self.request.headers.get("Sec-Fetch-Site")
        if origin is None:
            return site in {None, "same-origin", "none"}
        host = self.request.headers.get("Host", "").lower()
        scheme = urlsplit(self.settings_.public_url).scheme
        return origin.lower() in {origin_of(self.settings_.public_url), f"{scheme}://{host}"}

    def finish_page(self, html: str, *, csp: str) -> None:
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", csp)
        self.set_header("Cache-Control", "no-store")
        self.finish(html)

    def refuse(self, problem: Problem) -> None:
        """Respond with a problem document."""
        status, media_type, document = self.refusal(problem)
        self.set_status(status)
        self.set_header("Content-Type", media_type)
        self.set_header("Cache-Control", "no-store")
        if problem.status == 401:
            self.set_header("WWW-Authenticate", "Bearer")
        if problem.status == 405:
            self.set_header("Allow", ", ".join(sorted(self.methods)))
        if problem.retry_after_s is not None:
            self.set_header("Retry-After", str(problem.retry_after_s))
        self.finish(json.dumps(document, ensure_ascii=False))

    def refusal(self, problem: Problem) -> tuple[int, str, dict[str, Any]]:
        """An error in the format of this API: status, media type and document."""
        return problem.status, "application/problem+json", problem.document()

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, DomainError):
            self.refuse(Problem.of(error))
        elif isinstance(error, HTTPError):
            self.refuse(Problem(READ_AS_STANDARD.get(error.status_code, "bad-request")))
        elif error is not None and (is_unavailable(error) or isinstance(error, WrongKeys)):
            self.refuse(Problem("unavailable", "Try again in a moment.", retry_after_s=2))
        elif isinstance(error, Unreadable):  # the user was erased during this request
            self.refuse(Problem("not-found"))
        else:
            self.refuse(Problem("internal"))

    def log_exception(self, typ: Any, value: BaseException | None, tb: Any) -> None:
        if isinstance(value, DomainError | HTTPError | StreamClosedError) or value is None:
            return
        if is_unavailable(value):
            log.warning("request.database_away", route=self.route_name, exc_info=value)
        elif isinstance(value, Unreadable):
            log.warning("request.erased_meanwhile", route=self.route_name, exc_info=value)
        else:
            log.error("request.failed", route=self.route_name, exc_info=value)

    @property
    def route_name(self) -> str:
        return type(self).__name__

    def on_finish(self) -> None:
        self.context.in_flight.discard(self)
        took = time.perf_counter() - self.began
        metrics = self.resources.metrics
        method = self.request.method if self.request.method in {"GET", "POST", "PUT", "PATCH", "DELETE"} else "other"
        metrics.requests.labels(method, self.route_name, str(self.get_status())).observe(took)
        log.info(
            "request", method=method, route=self.route_name, status=self.get_status(), duration_ms=round(took * 1000, 1)
        )


class AccessTokenEnded(Problem):
    """401: the access token's time is over; the session may go on."""

    def __init__(self) -> None:
        super().__init__("unauthenticated")


async def authenticate(context: HandlerContext, token: str) -> Principal:
    """The user of an access token whose session has not ended.

    Raises:
        AccessTokenEnded: 401, a renewed token will do.
        Problem: 401, whatever else is wrong.
    """
    try:
        access = context.tokens.read_access(token)
    except EndedToken:
        raise AccessTokenEnded from None
    except InvalidToken:
        raise Problem("unauthenticated") from None
    found = await context.app.store.signed_in(access.session_id, access.user_id)
    if found is None:
        raise Problem("unauthenticated")
    session, row = found.session, found.user
    is_over = session.ended_at is not None or session.expires_at <= utcnow() or row["status"] == "deactivated"
    if is_over or session.user_id != access.user_id:
        raise Problem("unauthenticated")
    return Principal(
        id=row["_id"],
        role=row["role"],
        status=row["status"],
        session_id=session.id,
        expires_at=access.expires_at,
        feed_position=found.feed_position,
        # In a session that began at the identity provider, factors are the matter of the provider.
        lacks_factor=session.provider is None
        and context.app.settings.needs_second_factor(row["role"])
        and not row.get("second_factor"),
        row=row,
    )
