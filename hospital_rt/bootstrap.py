"""The composition root: opens what a role needs, hands it over, and closes it in reverse."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from hospital_rt.delivery.mailer import Mailer
from hospital_rt.extraction import Extractor, make_extractor
from hospital_rt.ops.metrics import Metrics, PoolFigures
from hospital_rt.realtime.pubsub import WakeUpPublisher
from hospital_rt.settings import Settings
from hospital_rt.storage.database import Database
from hospital_rt.storage.field_encryption import Vault
from hospital_rt.storage.redis_client import make_redis
from hospital_rt.web.passwords import Passwords
from hospital_rt.web.rate_limits import Limits
from hospital_rt.web.tokens import Tokens

MAX_BODY_BYTES = 256 * 1024
IDLE_S = 60  # between requests, and for the whole of a request's headers
BODY_S = 20  # for the whole of a body


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What the floors above are given. Nothing of it is looked up anywhere."""

    settings: Settings
    database: Database
    vault: Vault = field(repr=False)
    redis: Redis
    wakeups: WakeUpPublisher
    limits: Limits
    metrics: Metrics
    passwords: Passwords
    tokens: Tokens = field(repr=False)
    extractor: Extractor
    mailer: Mailer


@contextlib.asynccontextmanager
async def open_resources(settings: Settings) -> AsyncIterator[Resources]:
    """Open the clients of one role. Whether they reach anything shows when they are used."""
    async with contextlib.AsyncExitStack() as stack:
        metrics = Metrics()
        database = Database(settings.mongo_url or "", driver=settings.mongo_driver, listeners=[PoolFigures(metrics)])
        stack.push_async_callback(database.close)
        redis = make_redis(settings.redis_url or "redis://127.0.0.1:1")
        stack.push_async_callback(redis.aclose)
        passwords = Passwords()
        stack.callback(passwords.close)
        extractor = make_extractor(
            api_key=settings.openai_api_key,
            base_url=settings.openai_base_url,
            model=settings.openai_model,
            timeout_s=settings.openai_timeout_seconds,
        )
        stack.push_async_callback(extractor.close)
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
            extractor=extractor,
            mailer=Mailer(settings),
        )


def make_app(routes: Sequence[Any], *, not_found: type[RequestHandler], arguments: dict[str, Any]) -> Application:
    """The web application with the routes it is given."""
    return Application(
        list(routes),
        default_handler_class=not_found,
        default_handler_args=arguments,
        compress_response=False,
        websocket_max_message_size=16 * 1024,
        websocket_ping_interval=25,
        websocket_ping_timeout=20,
        log_function=lambda handler: None,
    )


class WebServer(HTTPServer):
    """An HTTP server that can be taken away from behind a proxy without a request noticing.

    A proxy keeps lines to us open, and may be writing on one just as we close it: such a request is lost, and unless
    it changes nothing it cannot be sent again. So a line that is open is answered once more and only then closed, and
    the proxy is given the time to close those that it does not use.
    """

    def stop_accepting(self) -> None:
        """Take who has knocked already, and nobody after that."""
        for listening in list(self._sockets.values()):
            with contextlib.suppress(OSError):  # nobody waits there any more
                while True:
                    line, address = listening.accept()
                    self._handle_connection(line, address)
        self.stop()

    def answer_once_more(self) -> None:
        """Close each line behind its next answer, which says so."""
        self.conn_params.no_keep_alive = True

    @property
    def lines(self) -> int:
        """How many connections are open, idle ones too; live channels not."""
        return len(self._connections)


def make_server(app: Application) -> WebServer:
    """The HTTP server with its bounds: header and body sizes, idle and slow connections."""
    return WebServer(
        app,
        max_header_size=16 * 1024,
        max_body_size=MAX_BODY_BYTES + 1024,
        max_buffer_size=2 * 1024 * 1024,
        idle_connection_timeout=IDLE_S,
        body_timeout=BODY_S,
        decompress_request=False,
    )
