"""Web Push (RFC 8030, 8291, 8292): a neutral message to a device whose page is closed.

Endpoints are addresses that clients send us, so they are treated as hostile: https only, to public addresses, checked
after DNS, again by the very lookup that the connection uses, and once more as the socket is made; no redirects; small
answers. ``PUSH_HOSTS`` lists hosts that may be elsewhere. Behind ``HTTPS_PROXY`` names may not be known here: then the
proxy looks them up and decides; an address that is given as numbers, or is known here, must still be public.
"""

from __future__ import annotations

import asyncio
import base64
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Literal
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import ResolveResult
from aiohttp.resolver import ThreadedResolver
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02
from pywebpush import WebPusher

from hospital_rt.delivery.proxy import proxy_for
from hospital_rt.logs import describe_error, log

WITHIN_S = 10.0
LIFE_S = 3600
CLAIM_S = 6 * 3600  # a signature's life: RFC 8292 takes 24 h, on a clock that need not be ours
LONGEST_WAIT_S = 86_400.0
# Of IPv6 only what is handed out to be reached (RFC 4291), without 6to4 and examples: the rest leads inwards somewhere.
REACHABLE = IPv6Network("2000::/3")
NAT64 = IPv6Network("64:ff9b::/96")
NOT_PUBLIC = tuple(map(ip_network, ("2002::/16", "3fff::/20", "192.88.99.0/24")))
PRIVATE_ZONES = frozenset({"local", "internal", "localhost", "lan", "home", "corp", "intranet", "private", "arpa"})
PushResult = Literal["sent", "gone", "later"]


class EndpointRefused(Exception):
    """Not an address to which this service pushes."""


@dataclass(frozen=True, slots=True)
class PushOutcome:
    """What became of one push.

    Args:
        result: ``gone`` only when the push service itself said so (404, 410); ``later``: not now, whatever the reason.
        status: of its answer; ``no-address``, ``not-made`` or ``not-sent`` when there was none.
        retry_after_s: the push service's Retry-After.
    """

    result: PushResult
    status: str
    retry_after_s: float = 0.0


def is_public(address: str) -> bool:
    """Whether an address belongs to the public internet."""
    try:
        found = ip_address(address.split("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        if found in NAT64:
            found = IPv4Address(int(found) & 0xFFFFFFFF)
        elif found.ipv4_mapped:
            found = found.ipv4_mapped
        elif found not in REACHABLE:
            return False
    inward = any(found in network for network in NOT_PUBLIC if network.version == found.version)
    return found.is_global and not found.is_multicast and not inward


def _is_public_name(host: str) -> bool:
    """Whether a name that is unknown here may be one of the internet: no number, and in no private zone."""
    labels = host.rstrip(".").split(".")
    return len(labels) > 1 and labels[-1].isalpha() and labels[-1] not in PRIVATE_ZONES


def _socket_to_public(target: Any) -> socket.socket:
    """A socket for this very address: an address in the URL itself is never looked up.

    Raises:
        OSError: it is not public.
    """
    family, kind, protocol, _, address = target
    if not is_public(str(address[0])):
        raise OSError("no public address")
    return socket.socket(family, kind, protocol)


class _PublicResolver(ThreadedResolver):
    """The connection's own lookup: what is not public does not exist."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        public = [one for one in await super().resolve(host, port, family) if is_public(one["host"])]
        if not public:
            raise OSError("no public address")
        return public


class PushSender:
    """Sends to endpoints. ``private_key`` is the VAPID key's raw scalar (32 bytes)."""

    def __init__(self, *, private_key: bytes, subject: str, hosts: Sequence[str]) -> None:
        number = int.from_bytes(private_key, "big")
        self._vapid = Vapid02(ec.derive_private_key(number, ec.SECP256R1()), conf={"no-strict": True})
        self._subject = subject
        self._hosts = frozenset(host.lower() for host in hosts)
        self._sessions: dict[bool, aiohttp.ClientSession] = {}  # False: to public addresses alone

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
            if proxy_for(endpoint) and _is_public_name(host):
                return
            raise EndpointRefused from None
        if not found or not all(is_public(str(one[4][0])) for one in found):
            raise EndpointRefused

    async def send(self, *, endpoint: str, p256dh: str, auth: str, data: bytes) -> PushOutcome:
        """One push."""
        try:
            await self.check(endpoint)
            encoded: Any = WebPusher({"endpoint": endpoint, "keys": {"p256dh": p256dh, "auth": auth}}).encode(
                data, content_encoding="aes128gcm"
            )
            parts = urlsplit(endpoint)
            claims = {
                "sub": self._subject,
                "aud": f"{parts.scheme}://{parts.netloc}",
                "exp": int(time.time()) + CLAIM_S,
            }
            headers = {
                **self._vapid.sign(claims),
                "TTL": str(LIFE_S),
                "Urgency": "high",
                "Topic": "reminder",
                "Content-Encoding": "aes128gcm",
                "Content-Type": "application/octet-stream",
            }
        except EndpointRefused:
            return PushOutcome("later", "no-address")
        except Exception as error:  # of our signing, or whatever the encoder makes of hostile keys
            log.debug("push.not_made", **describe_error(error))
            return PushOutcome("later", "not-made")
        try:
            proxy = proxy_for(endpoint)
            excepted = proxy is not None or (parts.hostname or "").lower() in self._hosts
            async with self._open(excepted=excepted).post(
                endpoint, data=encoded["body"], headers=headers, allow_redirects=False, proxy=proxy
            ) as answer:
                await answer.content.read(1024)
                status = str(answer.status)
                if answer.status < 300:
                    return PushOutcome("sent", status)
                if answer.status in {404, 410}:
                    return PushOutcome("gone", status)
                return PushOutcome("later", status, _retry_after_s(answer.headers.get("Retry-After", "")))
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            log.debug("push.not_sent", **describe_error(error))
            return PushOutcome("later", "not-sent")

    def _open(self, *, excepted: bool = False) -> aiohttp.ClientSession:
        """Connections to public addresses alone, or those to the proxy and the hosts that are excepted."""
        if excepted not in self._sessions:
            connector = (
                aiohttp.TCPConnector(limit=20)
                if excepted
                else aiohttp.TCPConnector(resolver=_PublicResolver(), socket_factory=_socket_to_public, limit=20)
            )
            self._sessions[excepted] = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=WITHIN_S),
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._sessions[excepted]

    async def close(self) -> None:
        for session in self._sessions.values():
            await session.close()


def _retry_after_s(text: str) -> float:
    """Seconds from a ``Retry-After``: a number or a date; 0 for what is neither, a day at most."""
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_WAIT_S)
    try:
        wait_s = (parsedate_to_datetime(text).astimezone(UTC) - datetime.now(UTC)).total_seconds()
    except (ValueError, OverflowError):
        return 0.0
    return min(max(wait_s, 0.0), LONGEST_WAIT_S)
