"""Base handler of REST: access control, request parsing, responses.

Closed by default. A handler has one small method for each operation, declared with ``@Operation``; hosts, origins,
sizes, media types, authentication and error documents are handled here.
"""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError
from tornado.web import stream_request_body

from handlers.base.base_handler import BaseHandler, authenticate
from handlers.base.context import HandlerContext, Principal
from hospital_rt.domain.clock import utcnow
from hospital_rt.domain.errors import FieldError
from hospital_rt.storage.database import Session
from hospital_rt.web.compression import compress_padded
from hospital_rt.web.operation import Operation
from hospital_rt.web.problems import Problem
from hospital_rt.web.strict_json import NotJson, check_storable, parse_json
from models.audit import AuditActor

B = TypeVar("B", bound=BaseModel)
T = TypeVar("T")
_BEARER = re.compile(r"(?i:bearer) +([\x21-\x7e]+)\Z", re.ASCII)
LONG_BYTES = 4096  # shorter responses fit into a few packets
MAX_UNWANTED_BYTES = 1024 * 1024  # of a refused body with a declared length
# Of a body without a declared length: read to its end, but not stored beyond the limit.
MAX_STREAM_BYTES = 64 * 1024 * 1024


@stream_request_body
class ApiHandler(BaseHandler):
    """A REST resource. Subclasses declare ``get``, ``post``, ``put``, ``patch``, ``delete`` as operations."""

    operations: ClassVar[Mapping[str, Operation]] = {}
    media_type: ClassVar[str] = "application/json; charset=utf-8"

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        declared = {name: member for name, member in vars(cls).items() if hasattr(member, "operation")}
        cls.operations = {name.upper(): method.operation for name, method in declared.items()}
        cls.methods = frozenset({*cls.operations, "OPTIONS"} | ({"HEAD"} if "GET" in cls.operations else set()))

    def initialize(self, context: HandlerContext) -> None:
        super().initialize(context)
        self._chunks: list[bytes] = []
        self._length = 0
        self._too_large = False
        self._is_refused = False
        self._who: Principal | None = None
        self.actor = AuditActor(role="system")
        self.operation = Operation(allow="user", responses={})

    # Before the body

    async def prepare(self) -> None:
        connection: Any = self.request.connection
        connection.set_max_body_size(MAX_STREAM_BYTES)
        try:
            await self._check_before_body()
        except Exception as refusal:
            if not self._reads_on():
                self.set_lasting_header("Connection", "close")
                raise
            self._refuse_after_body(refusal)

    def _declared_length(self) -> int:
        declared = self.request.headers.get("Content-Length", "0")
        if not (declared.isascii() and declared.isdigit()):
            return 0  # refused where the body is read
        return int(declared) if len(declared) < 16 else 10**16

    def _reads_on(self) -> bool:
        """Whether an unwanted body, even an empty one, is read to its end before the answer.

        An earlier answer would close the connection while the client is still sending: it may miss the answer or lose
        its next request.
        """
        return "Expect" not in self.request.headers and self._declared_length() <= MAX_UNWANTED_BYTES

    def _refuse_after_body(self, refusal: Exception) -> None:
        async def refuse(*_parts: str) -> None:
            raise refusal

        self._is_refused = True
        setattr(self, (self.request.method or "").lower(), refuse)

    async def _check_before_body(self) -> None:
        """Checks before the body is read.

        Raises:
            Problem: the request is refused regardless of its body.
        """
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
        if self._declared_length() > operation.max_body_bytes:
            raise Problem("too-large")

    def data_received(self, chunk: bytes) -> None:
        if self._is_refused:
            return
        self._length += len(chunk)
        if self._length > self.operation.max_body_bytes:
            self._too_large = True
            self._chunks.clear()
        else:
            self._chunks.append(chunk)

    def on_connection_close(self) -> None:
        """The client disconnected. A request with an incomplete body is dropped and does not delay shutdown."""
        if not self.request._body_future.done():
            self.context.in_flight.discard(self)
        super().on_connection_close()

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
                "Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, Prefer, X-Request-ID"
            )
            self.set_header("Access-Control-Max-Age", "600")
        self.finish()

    async def _admit(self) -> None:
        """Authentication and role.

        Raises:
            Problem: 401 not signed in, 403 wrong role or a doctor not approved yet.
        """
        if self.operation.allow == "anyone":
            return
        given = self.request.headers.get_list("Authorization")
        found = _BEARER.match(given[0].strip()) if len(given) == 1 else None
        if found is None:
            raise Problem("unauthenticated")
        self._who = await authenticate(self.context, found.group(1))
        self.actor = self.actor_of(self._who)
        if self._who.lacks_factor and not self.operation.allow_without_factor:
            raise Problem("second-factor-required")
        if self.operation.allow in {"patient", "doctor", "admin"} and self._who.role != self.operation.allow:
            raise Problem("forbidden")
        if self.operation.allow == "non_admin" and self._who.role == "admin":
            raise Problem("forbidden")
        if self._who.status == "pending" and not self.operation.allow_pending:
            raise Problem("doctor-pending")

    @property
    def who(self) -> Principal:
        """The authenticated user and session. Only where the operation requires sign-in."""
        if self._who is None:
            raise Problem("unauthenticated")
        return self._who

    # The path, the body and the query

    async def run(self, method: Callable[..., Awaitable[Any]], *path: str) -> None:
        """Call the method of this request's operation."""
        arguments = self.arguments(path)
        if self.operation.feed:
            await self.set_feed()
        await method(self, *arguments)

    def arguments(self, path: Sequence[str]) -> list[Any]:
        """What the method of an operation gets: the ids of the path, then the body, or else the query, if it has one.

        Raises:
            Problem: 404 for what is no id, or as :meth:`body` and :meth:`query`.
        """
        found: list[Any] = [self.id_from_path(one) for one in path]
        if self.operation.body:
            found.append(self.body(self.operation.body))
        elif self.operation.query:
            found.append(self.query(self.operation.query))
        return found

    @property
    def raw_body(self) -> bytes:
        return b"".join(self._chunks)

    def body(self, shape: type[B]) -> B:
        """Parse and validate the body.

        Raises:
            Problem: 400 not JSON, 413 too large, 415 another media type, 422 with a pointer to what is wrong.
        """
        if self._too_large:
            raise Problem("too-large")
        raw = self.raw_body
        if not raw and self.operation.body_optional:
            return self._validated(shape, {})
        self._check_media_type()
        try:
            value = parse_json(raw)
        except NotJson:
            mark = "It begins with a byte order mark: send UTF-8 without one." if raw.startswith(BOM_UTF8) else ""
            raise Problem("not-json", mark) from None
        check_storable(value)
        return self._validated(shape, value)

    def _check_media_type(self) -> None:
        headers = self.request.headers
        media_type, _, parameters = headers.get("Content-Type", "").partition(";")
        charset = re.search(r"charset\s*=\s*\"?([\w-]+)", parameters, re.ASCII)
        encoding = headers.get("Content-Encoding", "identity")
        if not media_type.strip():
            raise _unsupported("No Content-Type was sent")
        if media_type.strip().lower() != "application/json":
            raise _unsupported(f"Content-Type {_shown(media_type)} was sent")
        if charset and charset.group(1).lower() not in {"utf-8", "utf8"}:
            raise _unsupported(f"The charset {_shown(charset.group(1))} was sent")
        if encoding.lower() != "identity":
            raise _unsupported(f"Content-Encoding {_shown(encoding)} was sent")

    def query(self, shape: type[B]) -> B:
        """Parse and validate the query string.

        Raises:
            Problem: 422 with a pointer.
        """
        values = {}
        for name in [field.alias or name for name, field in shape.model_fields.items()]:
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
        """An id in a path, in lower case however it was written. What is not one of ours is not there.

        Raises:
            Problem: 404.
        """
        try:
            if str(UUID(text)) == text.lower():
                return text.lower()
        except ValueError:
            pass
        raise Problem("not-found")

    # Responses

    def respond(self, body: Any = None, *, status: int = 200) -> None:
        """Respond with a JSON document, or without a body.

        Raises:
            RuntimeError: the operation requires an audit entry that has not been written.
        """
        self.respond_text(None if body is None else as_text(body), status=status)

    def respond_long(self, text: bytes) -> None:
        """Respond with a serialized document of many alike rows: compressed where the client takes that."""
        self.set_header("Vary", "Accept-Encoding")
        given = [part.strip().lower() for part in self.request.headers.get("Accept-Encoding", "").split(",")]
        if len(text) >= LONG_BYTES and "gzip" in given:
            self.set_header("Content-Encoding", "gzip")
            text = compress_padded(text)
        self.respond_text(text)

    def respond_text(self, text: bytes | None, *, status: int = 200) -> None:
        """Like :meth:`respond`, with a serialized document."""
        if self.operation.audit and not self.actor.written:
            raise RuntimeError("a response without its entry in the audit")
        self.set_status(status)
        self.set_header("Cache-Control", "no-store")
        if text is None:
            self.finish()
            return
        self.set_header("Content-Type", self.media_type)
        self.finish(text)

    async def audit_read(self, *, of: Iterable[str], item: str | None = None) -> None:
        """Write the audit entry (actor, subjects, item) before the data is shown.

        Raises:
            Unavailable: 503 when it cannot be written.
        """
        if self.operation.audit:
            await self.store.audit.write(self.actor, self.operation.audit, of=of, item=item)

    def compute_etag(self) -> None:
        """None: responses are not cached."""

    async def set_feed(self) -> None:
        """Set ``X-Feed: <epoch>:<seq>``, read before the data: a client that resumes there misses nothing."""
        self.set_lasting_header("X-Feed", f"{await self.store.epoch()}:{self.who.feed_position.seq}")

    async def while_signed_in(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Run a transaction whose result outlives the session, unless a reset or an erasure has just ended the session.

        Raises:
            Problem: 401 when it has ended.
        """

        async def held(session: Session) -> T:
            if not await self.store.sessions.lock(self.who.session_id, now=utcnow(), session=session):
                raise Problem("unauthenticated")
            return await work(session)

        return await self.store.transaction(held)


def as_text(body: Any) -> bytes:
    """Serialize a JSON document."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _unsupported(sent: str) -> Problem:
    """415, with what was sent and what is accepted."""
    return Problem("unsupported-media-type", f"{sent}; send application/json in UTF-8, not compressed.")


def _shown(given: str) -> str:
    """A header's value as a refusal may repeat it: short, and in printable ASCII."""
    return '"' + re.sub(r"[^\x20-\x7e]", "?", given.strip())[:60] + '"'


def _pointer(location: tuple[int | str, ...]) -> str:
    parts = [str(part).replace("~", "~0").replace("/", "~1") for part in location]
    return "#/" + "/".join(parts) if parts else "#"


class NotFoundHandler(ApiHandler):
    """404 for every path without a route."""

    async def _check_before_body(self) -> None:
        self.receive()
        raise Problem("not-found")

    def refuse(self, problem: Problem) -> None:
        """404 for any method too."""
        super().refuse(Problem("not-found") if problem.slug == "method-not-allowed" else problem)
