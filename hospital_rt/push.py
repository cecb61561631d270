"""Web Push (RFC 8030, 8291, 8292): a neutral word to a device whose page is closed.

Endpoints are addresses that clients send us, so they are treated as hostile: https only, to public addresses, judged
after DNS and again by the very lookup that the connection uses; no redirects; small answers. ``PUSH_HOSTS`` lists
hosts that may be elsewhere.
"""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any, Literal
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02
from pywebpush import WebPusher

from hospital_rt.telemetry import describe_error, log

WITHIN_S = 10.0
LIFE_S = 3600
Pushed = Literal["sent", "gone", "later"]


class EndpointRefused(Exception):
    """Not an address to which this service pushes."""


def is_public(address: str) -> bool:
    """Whether an address belongs to the public internet."""
    try:
        found = ip_address(address.split("%")[0])
    except ValueError:
        return False
    if found.version == 6 and found.ipv4_mapped:
        found = found.ipv4_mapped
    return found.is_global and not found.is_multicast


class _PublicResolver(AbstractResolver):
    """The connection's own lookup: what is not public does not exist, but for the hosts that are excepted."""

    def __init__(self, excepted: frozenset[str]) -> None:
        self._excepted = excepted
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if host.lower() in self._excepted:
            return found
        public = [one for one in found if is_public(one["host"])]
        if not public:
            raise OSError("no public address")
        return public

    async def close(self) -> None:
        await self._inner.close()


class PushSender:
    """Sends to endpoints. ``private_key`` is the VAPID key's raw scalar (32 bytes)."""

    def __init__(self, *, private_key: bytes, subject: str, hosts: Sequence[str]) -> None:
        number = int.from_bytes(private_key, "big")
        self._vapid = Vapid02(ec.derive_private_key(number, ec.SECP256R1()))
        self._subject = subject
        self._hosts = frozenset(host.lower() for host in hosts)
        self._session: aiohttp.ClientSession | None = None

    @staticmethod
    def new_private_key() -> bytes:
        return ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value.to_bytes(32, "big")

    @property
    def public_key(self) -> str:
        """What a browser needs to subscribe: the uncompressed point, URL-safe base64."""
        numbers = self._vapid.public_key.public_numbers()
        point = b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
        return base64.urlsafe_b64encode(point).decode().rstrip("=")

    async def check(self, endpoint: str) -> None:
        """Judge an endpoint before it is remembered.

        Raises:
            EndpointRefused: not https, or not at public addresses.
        """
        try:
            parts = urlsplit(endpoint)
            host, port = (parts.hostname or "").lower(), parts.port
        except ValueError:
            raise EndpointRefused from None
        excepted = host in self._hosts
        if parts.username or parts.password or not host or (parts.scheme != "https" and not excepted):
            raise EndpointRefused
        if parts.scheme not in {"https", "http"} or not endpoint.isascii():
            raise EndpointRefused
        if excepted:
            return
        try:
            found = await asyncio.wait_for(
                asyncio.get_running_loop().getaddrinfo(host, port or 443, type=socket.SOCK_STREAM), WITHIN_S
            )
        except (OSError, TimeoutError, UnicodeError):
            raise EndpointRefused from None
        if not found or not all(is_public(str(one[4][0])) for one in found):
            raise EndpointRefused

    async def send(self, *, endpoint: str, p256dh: str, auth: str, data: bytes) -> Pushed:
        """One push. ``gone``: the device has unsubscribed; ``later``: not now."""
        try:
            await self.check(endpoint)
            encoded: Any = WebPusher({"endpoint": endpoint, "keys": {"p256dh": p256dh, "auth": auth}}).encode(
                data, content_encoding="aes128gcm"
            )
            parts = urlsplit(endpoint)
            claims = {"sub": self._subject, "aud": f"{parts.scheme}://{parts.netloc}"}
            headers = {
                **self._vapid.sign(claims), "TTL": str(LIFE_S), "Urgency": "high", "Topic": "reminder",
                "Content-Encoding": "aes128gcm", "Content-Type": "application/octet-stream",
            }  # fmt: skip
        except (EndpointRefused, ValueError, TypeError):
            return "gone"
        except Exception as error:     # whatever the encoder makes of hostile keys
            log.warning("push.not_encoded", **describe_error(error))
            return "gone"
        try:
            async with self._open().post(
                endpoint, data=encoded["body"], headers=headers, allow_redirects=False
            ) as answer:
                await answer.content.read(1024)
                return "sent" if answer.status < 300 else "gone" if answer.status in {404, 410} else "later"
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            log.warning("push.not_sent", **describe_error(error))
            return "later"

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=_PublicResolver(self._hosts), limit=20),
                timeout=aiohttp.ClientTimeout(total=WITHIN_S), cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )  # fmt: skip
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
