"""The one way in: who may call, what may be sent, and how a refusal is answered.

Everything is closed by default. A handler declares its operations and writes one small method for each; hosts,
origins, sizes, types, sign-in and error shapes are looked after here.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import structlog
from pydantic import BaseModel, ValidationError
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler, stream_request_body

from handlers.operation import Doors, Operation, Principal
from hospital_rt.clock import utcnow
from hospital_rt.database import is_away
from hospital_rt.json_text import NotJson, check_storable, parse_json
from hospital_rt.problems import FieldError, Problem
from hospital_rt.settings import Settings
from hospital_rt.telemetry import log
from hospital_rt.tokens import InvalidToken
from models.idempotency import Answer, Claim
from models.store import Store

B = TypeVar("B", bound=BaseModel)
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}\Z", re.ASCII)
_KEY = re.compile(r"[\x21-\x7e]{1,128}\Z", re.ASCII)
_BEARER = re.compile(r"(?i:bearer) +([\x21-\x7e]+)\Z", re.ASCII)
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
READ_AS_STANDARD = {400: "bad-request", 404: "not-found", 405: "method-not-allowed", 413: "too-large"}
SAME_KEY_WAIT_S = 8.0
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What a method answers: status, document, and headers of its own."""

    status: int
    body: Any = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


def own_hosts(settings: Settings) -> frozenset[str]:
    """The ``Host`` values that are ours: that of ``PUBLIC_URL``, and this very machine's loopback names."""
    parts = urlsplit(settings.public_url)
    standard = {"http": 80, "https": 443}[parts.scheme]
    names = {parts.netloc.rsplit("@", 1)[-1].lower()}
    if parts.port is None or parts.port == standard:
        names |= {parts.hostname or "", f"{parts.hostname}:{standard}"}
    names |= {f"{name}:{settings.port}" for name in ("127.0.0.1", "localhost", "[::1]")}
    return frozenset(names)


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


class Door(RequestHandler):
    """What REST, pages and the live channel's upgrade have in common: host, address, headers, refusals."""

    doors: Doors
    checks_host: ClassVar[bool] = True

    def initialize(self, doors: Doors) -> None:
        self.doors = doors
        self.began = time.perf_counter()
        self.request_id = uuid4().hex
        self._lasting: dict[str, str] = {}

    @property
    def methods(self) -> frozenset[str]:
        """What ``Allow`` tells."""
        return frozenset({"GET", "HEAD"})

    def set_lasting_header(self, name: str, value: str) -> None:
        """A header that a refusal carries too: Tornado drops the others before it answers with an error."""
        self._lasting[name] = value
        self.set_header(name, value)

    @property
    def settings_(self) -> Settings:
        return self.doors.house.settings

    @property
    def store(self) -> Store:
        return self.doors.house.store

    def now(self) -> datetime:
        """The moment at which this request happens, to whatever is clinical."""
        return self.doors.house.now()

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        for name, value in SECURITY_HEADERS.items():
            self.set_header(name, value)
        self.set_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        doors = getattr(self, "doors", None)
        if doors is not None and doors.house.settings.behind_tls:
            self.set_header("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
        self.set_header("X-Request-ID", getattr(self, "request_id", ""))
        for name, value in getattr(self, "_lasting", {}).items():
            self.set_header(name, value)

    def receive(self) -> None:
        """The checks that come before everything else.

        Raises:
            Problem: the host is not ours, or the request cannot be understood.
        """
        self.doors.in_flight.add(self)
        given = self.request.headers.get("X-Request-ID", "")
        if _REQUEST_ID.match(given):
            self.request_id = given
        self.set_header("X-Request-ID", self.request_id)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=self.request_id)
        if self.checks_host and self.request.headers.get("Host", "").lower() not in own_hosts(self.settings_):
            raise Problem("bad-host")

    @property
    def client_address(self) -> str:
        """Where the request came from: the socket, or what a trusted proxy says."""
        address = self.request.remote_ip or ""
        trusted = [ip_network(one, strict=False) for one in self.settings_.trusted_proxies]
        forwarded = self.request.headers.get_list("X-Forwarded-For")
        hops = [hop.strip() for line in forwarded for hop in line.split(",")]
        while hops and _is_in(address, trusted):
            address = hops.pop()
        return address

    @property
    def client_hash(self) -> str:
        """The client's address for counting: keyed, and for IPv6 its /64."""
        try:
            address = ip_address(self.client_address)
        except ValueError:
            return "unknown"
        text = str(ip_network(f"{address}/64", strict=False)) if address.version == 6 else str(address)
        return self.doors.tokens.keyed_hash(b"address", text.encode())

    def origin_is_ours(self) -> bool:
        """Whether a browser says that the page which asks is our own; no browser, no claim: then it is."""
        origin = self.request.headers.get("Origin")
        site = self.request.headers.get("Sec-Fetch-Site")
        if origin is None:
            return site in {None, "same-origin", "none"}
        host = self.request.headers.get("Host", "").lower()
        scheme = urlsplit(self.settings_.public_url).scheme
        return origin.lower() in {origin_of(self.settings_.public_url), f"{scheme}://{host}"}

    def refuse(self, problem: Problem) -> None:
        """Answer with a problem document."""
        self.set_status(problem.status)
        self.set_header("Content-Type", "application/problem+json")
        self.set_header("Cache-Control", "no-store")
        if problem.status == 401:
            self.set_header("WWW-Authenticate", "Bearer")
        if problem.status == 405:
            self.set_header("Allow", ", ".join(sorted(self.methods)))
        if problem.retry_after_s is not None:
            self.set_header("Retry-After", str(problem.retry_after_s))
        self.finish(json.dumps(problem.document(), ensure_ascii=False))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, Problem):
            self.refuse(error)
        elif isinstance(error, HTTPError):
            self.refuse(Problem(READ_AS_STANDARD.get(error.status_code, "bad-request")))
        elif error is not None and is_away(error):
            self.refuse(Problem("unavailable", "Try again in a moment.", retry_after_s=2))
        else:
            self.refuse(Problem("internal"))

    def log_exception(self, typ: Any, value: BaseException | None, tb: Any) -> None:
        if isinstance(value, Problem | HTTPError | StreamClosedError) or value is None:
            return
        if is_away(value):
            log.warning("request.database_away", route=self.route_name, exc_info=value)
        else:
            log.error("request.failed", route=self.route_name, exc_info=value)

    @property
    def route_name(self) -> str:
        return type(self).__name__

    def on_finish(self) -> None:
        self.doors.in_flight.discard(self)
        took = time.perf_counter() - self.began
        metrics = self.doors.house.resources.metrics
        method = self.request.method if self.request.method in {"GET", "POST", "PATCH", "DELETE"} else "other"
        metrics.requests.labels(method, self.route_name, str(self.get_status())).observe(took)
        log.info(
            "request", method=method, route=self.route_name, status=self.get_status(), duration_ms=round(took * 1000, 1)
        )


@stream_request_body
class ApiHandler(Door):
    """A REST resource. Subclasses declare ``operations`` and write ``get``, ``post``, ``patch``, ``delete``."""

    operations: ClassVar[Mapping[str, Operation]] = {}

    def initialize(self, doors: Doors) -> None:
        super().initialize(doors)
        self._chunks: list[bytes] = []
        self._length = 0
        self._too_large = False
        self._who: Principal | None = None
        self.operation = Operation(who="user", answers={})

    # Before the body

    async def prepare(self) -> None:
        self.receive()
        self._allow_origin()
        method = self.request.method or ""
        if method == "OPTIONS":
            self._preflight()
            return
        operation = self.operations.get("GET" if method == "HEAD" else method)
        if operation is None:
            raise Problem("method-not-allowed")
        self.operation = operation
        await self._admit()
        declared = self.request.headers.get("Content-Length", "0")
        if declared.isdigit() and int(declared) > operation.largest_body:
            self.set_lasting_header("Connection", "close")
            raise Problem("too-large")
        connection: Any = self.request.connection
        connection.set_max_body_size(64 * 1024 * 1024)

    def data_received(self, chunk: bytes) -> None:
        self._length += len(chunk)
        if self._length > self.operation.largest_body:
            self._too_large = True
            self._chunks.clear()
        else:
            self._chunks.append(chunk)

    @property
    def methods(self) -> frozenset[str]:
        return frozenset({*self.operations, "OPTIONS"} | ({"HEAD"} if "GET" in self.operations else set()))

    def _allow_origin(self) -> None:
        origin = self.request.headers.get("Origin")
        if self.settings_.allowed_origins:
            self.set_lasting_header("Vary", "Origin")
        if origin and origin.rstrip("/") in self.settings_.allowed_origins:
            self.set_lasting_header("Access-Control-Allow-Origin", origin)
            self.set_lasting_header("Access-Control-Expose-Headers", "X-Request-ID, X-Feed, Retry-After, Allow")
            self.set_lasting_header("Cross-Origin-Resource-Policy", "cross-origin")

    def _preflight(self) -> None:
        self.set_status(204)
        self.set_header("Allow", ", ".join(sorted(self.methods)))
        if "Access-Control-Allow-Origin" in self._headers:
            self.set_header("Access-Control-Allow-Methods", ", ".join(sorted(self.operations)))
            self.set_header(
                "Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, X-Request-ID"
            )
            self.set_header("Access-Control-Max-Age", "600")
        self.finish()

    async def _admit(self) -> None:
        """Sign-in and role.

        Raises:
            Problem: 401 not signed in, 403 the wrong role or a doctor not approved yet.
        """
        if self.operation.who == "anyone":
            return
        given = self.request.headers.get_list("Authorization")
        found = _BEARER.match(given[0].strip()) if len(given) == 1 else None
        if found is None:
            raise Problem("unauthenticated")
        self._who = await authenticate(self.doors, found.group(1))
        if self.operation.who in {"patient", "doctor"} and self._who.role != self.operation.who:
            raise Problem("forbidden")
        if self._who.status == "pending" and not self.operation.pending_too:
            raise Problem("doctor-pending")

    @property
    def who(self) -> Principal:
        """Who is asking. Only where the operation asks for it."""
        if self._who is None:
            raise Problem("unauthenticated")
        return self._who

    # The body and the query

    def body(self, shape: type[B]) -> B:
        """The body as its type.

        Raises:
            Problem: 400 not JSON, 413 too large, 415 another media type, 422 with a pointer to what is wrong.
        """
        if self._too_large:
            raise Problem("too-large")
        raw = b"".join(self._chunks)
        if not raw and self.operation.body_optional:
            return self._validated(shape, {})
        self._check_media_type()
        try:
            value = parse_json(raw)
        except NotJson:
            raise Problem("not-json") from None
        check_storable(value)
        return self._validated(shape, value)

    def _check_media_type(self) -> None:
        media_type, _, parameters = self.request.headers.get("Content-Type", "").partition(";")
        charset = re.search(r"charset\s*=\s*\"?([\w-]+)", parameters, re.ASCII)
        if media_type.strip().lower() != "application/json" or (charset and charset.group(1).lower() != "utf-8"):
            raise Problem("unsupported-media-type")
        if self.request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Problem("unsupported-media-type")

    def query(self, shape: type[B]) -> B:
        """What stands after the question mark, as its type.

        Raises:
            Problem: 422 with a pointer.
        """
        values = {}
        for name in shape.model_fields:
            given = self.request.query_arguments.get(name)
            if given is None:
                continue
            try:
                values[name] = given[-1].decode("utf-8")
            except UnicodeDecodeError:
                raise Problem("invalid", errors=(FieldError(f"#/{name}", "Is not UTF-8."),)) from None
        check_storable(values)
        return self._validated(shape, values)

    @staticmethod
    def _validated(shape: type[B], value: Any) -> B:
        try:
            return shape.model_validate(value)
        except ValidationError as refused:
            errors = [
                FieldError(_pointer(error["loc"]), error["msg"].removeprefix("Value error, "))
                for error in refused.errors(include_input=False, include_url=False, include_context=False)
            ]
            raise Problem("invalid", errors=tuple(errors[:20])) from None

    @staticmethod
    def id_from_path(text: str) -> str:
        """An id in a path. What is not one of ours is not there.

        Raises:
            Problem: 404.
        """
        try:
            if str(UUID(text)) == text:
                return text
        except ValueError:
            pass
        raise Problem("not-found")

    # Answers

    def respond(self, body: Any = None, *, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Answer with a JSON document, or with none."""
        self.set_status(status)
        for name, value in (headers or {}).items():
            self.set_header(name, value)
        self.set_header("Cache-Control", "no-store")
        if body is None:
            self.finish()
            return
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(json.dumps(body, ensure_ascii=False, separators=(",", ":")))

    async def head(self, *parts: str) -> None:
        """What GET says, without its body."""
        get: Callable[..., Any] = self.get
        await get(*parts)

    async def set_feed(self) -> None:
        """``X-Feed: <epoch>:<seq>``, read before the data: who resumes there misses nothing."""
        epoch = await self.store.epoch()
        self.set_lasting_header("X-Feed", f"{epoch}:{await self.store.events.newest(self.who.id)}")

    async def announce(self, user_ids: frozenset[str]) -> None:
        if user_ids:
            await self.doors.house.resources.wakeups.announce(user_ids)

    # The same request twice

    async def once(
        self, work: Callable[[Claim | None], Awaitable[Reply]], again: Callable[[Claim], Awaitable[Reply]]
    ) -> None:
        """Do ``work`` under the request's ``Idempotency-Key``, if it has one, and answer what it answers.

        Args:
            again: makes the answer when an earlier try had done the work and lost its answer on the way.
        """
        claim = await self._claim()
        if isinstance(claim, Answer):
            self.respond(claim.body, status=claim.status, headers=claim.headers)
            return
        if claim is None:
            reply = await work(None)
        else:
            try:
                reply = await (again(claim) if claim.done else work(claim))
            except Problem:
                await self.store.idempotency.release(claim)
                raise
            await self.store.idempotency.keep(
                claim, Answer(status=reply.status, body=reply.body, headers=dict(reply.headers))
            )
        self.respond(reply.body, status=reply.status, headers=reply.headers)

    async def _claim(self) -> Claim | Answer | None:
        given = self.request.headers.get_list("Idempotency-Key")
        if not given:
            return None
        if len(given) != 1 or not _KEY.match(given[0]):
            raise Problem("bad-request", "An Idempotency-Key has 1 to 128 visible characters.")
        hashed = self.doors.tokens.keyed_hash
        route = f"{self.request.method} {self.route_name} {'/'.join(self.path_args)}"
        id = hashed(b"key", self.who.id.encode(), route.encode(), given[0].encode())
        body_hash = hashed(b"body", self.request.query.encode(), b"".join(self._chunks))
        deadline = time.monotonic() + SAME_KEY_WAIT_S
        while True:
            claim = await self.store.idempotency.claim(
                id=id, user_id=self.who.id, body_hash=body_hash, now=utcnow()
            )
            if claim is not None:
                return claim
            if time.monotonic() > deadline:
                raise Problem("conflict", "The same request is being answered.", retry_after_s=2)
            await asyncio.sleep(0.05)


async def authenticate(doors: Doors, token: str, *, now: datetime | None = None) -> Principal:
    """Who an access token stands for, if its session has not ended.

    Raises:
        Problem: 401, whatever is wrong.
    """
    try:
        access = doors.tokens.read_access(token)
    except InvalidToken:
        raise Problem("unauthenticated") from None
    moment = now or utcnow()
    session = await doors.house.store.sessions.get(access.session_id)
    if session is None or session.ended_at or session.user_id != access.user_id or session.expires_at <= moment:
        raise Problem("unauthenticated")
    row = await doors.house.store.users.row(access.user_id)
    if row is None or row["status"] == "deactivated":
        raise Problem("unauthenticated")
    return Principal(
        id=row["_id"], role=row["role"], status=row["status"], session_id=session.id, timezone=row["timezone"], row=row
    )


def _pointer(location: tuple[int | str, ...]) -> str:
    parts = [str(part).replace("~", "~0").replace("/", "~1") for part in location]
    return "#/" + "/".join(parts) if parts else "#"


def _is_in(address: str, networks: list[Any]) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in networks if network.version == found.version)


class NotFoundHandler(ApiHandler):
    """Whatever no route knows."""

    async def prepare(self) -> None:
        self.receive()
        raise Problem("not-found")

    def refuse(self, problem: Problem) -> None:
        """By no method either."""
        super().refuse(Problem("not-found") if problem.slug == "method-not-allowed" else problem)
