"""Composition root: opens the resources of a role, passes them on, and closes them in reverse order."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from hospital_rt.delivery.mailer import Mailer
from hospital_rt.extraction.api import Reader
from hospital_rt.extraction.local import LocalReader
from hospital_rt.extraction.readers import make_reader
from hospital_rt.ops.metrics import Metrics, PoolFigures
from hospital_rt.realtime.protocol import MAX_MESSAGE_BYTES
from hospital_rt.realtime.pubsub import WakeUpPublisher
from hospital_rt.settings import Settings
from hospital_rt.storage.database import Database
from hospital_rt.storage.field_encryption import Vault
from hospital_rt.storage.redis_client import make_redis
from hospital_rt.web.identity_provider import IdentityProvider, make_identity_provider
from hospital_rt.web.passwords import Passwords
from hospital_rt.web.rate_limits import Limits
from hospital_rt.web.tokens import Tokens

MAX_BODY_BYTES = 256 * 1024
IDLE_S = 60  # between requests, and for all headers of a request
BODY_S = 20  # for a whole body


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Resources passed to the layers above. None of them is a global."""

    settings: Settings
    database: Database
    vault: Vault = field(repr=False)
    redis: Redis
    wakeups: WakeUpPublisher
    limits: Limits
    metrics: Metrics
    passwords: Passwords
    tokens: Tokens = field(repr=False)
    reader: Reader
    local_reader: Reader  # the local one, whatever else is configured
    mailer: Mailer
    identity_provider: IdentityProvider | None = None


@contextlib.asynccontextmanager
async def open_resources(settings: Settings) -> AsyncIterator[Resources]:
    """Open the clients of one role. Connection errors appear at first use."""
    async with contextlib.AsyncExitStack() as stack:
        metrics = Metrics()
        database = Database(settings.mongo_url or "", driver=settings.mongo_driver, listeners=[PoolFigures(metrics)])
        stack.push_async_callback(database.close)
        redis = make_redis(settings.redis_url or "redis://127.0.0.1:1")
        stack.push_async_callback(redis.aclose)
        passwords = Passwords()
        stack.callback(passwords.close)
        reader = make_reader(
            api_key=settings.openai_api_key,
            base_url=settings.openai_base_url,
            model=settings.openai_model,
            timeout_s=settings.openai_timeout_seconds,
        )
        stack.push_async_callback(reader.close)
        wakeups = WakeUpPublisher(redis, metrics)
        stack.push_async_callback(wakeups.close)
        yield Resources(
            settings=settings,
            database=database,
            vault=Vault(database.collection("keys"), settings.encryption_keys),
            redis=redis,
            wakeups=wakeups,
            limits=Limits(redis, on=settings.rate_limits == "on"),
            metrics=metrics,
            passwords=passwords,
            tokens=Tokens(
                settings.secret_key,
                access_s=settings.access_token_seconds,
                leeway_s=settings.clock_leeway_seconds,
            ),
            reader=reader,
            local_reader=LocalReader(),
            mailer=Mailer(settings),
            identity_provider=make_identity_provider(settings),
        )


def make_app(routes: Sequence[Any], *, not_found: type[RequestHandler], arguments: dict[str, Any]) -> Application:
    """The web application with the given routes."""
    return Application(
        list(routes),
        default_handler_class=not_found,
        default_handler_args=arguments,
        compress_response=False,
        websocket_max_message_size=MAX_MESSAGE_BYTES,
        websocket_ping_interval=25,
        websocket_ping_timeout=20,
        log_function=lambda handler: None,
    )


class WebServer(HTTPServer):
    """An HTTP server that can be stopped behind a proxy without losing a request.

    A proxy keeps connections open and may be sending a request on one just as it is closed: the request is lost, and
    unless it is idempotent the proxy cannot repeat it. So each open connection gets one more response before it is
    closed, and the proxy has time to close idle ones.
    """

    def stop_accepting(self) -> None:
        """Accept the connections that are in the backlog, then stop listening."""
        for listening in list(self._sockets.values()):
            with contextlib.suppress(OSError):  # the backlog is empty
                while True:
                    line, address = listening.accept()
                    self._handle_connection(line, address)
        self.stop()

    def close_after_next_response(self) -> None:
        """Close each connection after its next response, with ``Connection: close``."""
        self.conn_params.no_keep_alive = True

    @property
    def open_connections(self) -> int:
        """The number of open connections, including idle ones, excluding live channels."""
        return len(self._connections)


def make_server(app: Application) -> WebServer:
    """The HTTP server with its limits: header and body sizes, idle and slow connections."""
    return WebServer(
        app,
        max_header_size=16 * 1024,
        max_body_size=MAX_BODY_BYTES + 1024,
        max_buffer_size=2 * 1024 * 1024,
        idle_connection_timeout=IDLE_S,
        body_timeout=BODY_S,
        decompress_request=False,
    )
