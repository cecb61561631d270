"""Rate limits by client address and by account, shared by all nodes through Redis.

Without Redis each process counts alone: no client is locked out and none is unlimited. Redis keys hold keyed hashes,
never an address or an account.
"""

from __future__ import annotations

import contextlib
import time
from collections import OrderedDict
from dataclasses import dataclass

from redis.asyncio import Redis

from hospital_rt.logs import describe_error, log
from hospital_rt.storage.redis_client import REDIS_AWAY
from hospital_rt.web.problems import Problem

HELD_HERE = 50_000
_COUNT = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {count, redis.call('PTTL', KEYS[1])}
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``most`` within ``window_s`` seconds from the first."""

    name: str
    most: int
    window_s: int


# By address of the client (many clients may share one), and by account.
LOG_IN_ADDRESS = Limit("log-in-address", 200, 60)
LOG_IN_ACCOUNT = Limit("log-in-account", 10, 60)
SIGN_UP_ADDRESS = Limit("sign-up-address", 120, 600)
MAIL_ADDRESS = Limit("mail-address", 60, 600)
MAIL_ACCOUNT = Limit("mail-account", 5, 600)
LINK_ADDRESS = Limit("link-address", 30, 600)
CALENDAR_ADDRESS = Limit("calendar-address", 600, 600)  # a calendar service fetches for many users from one address
FACTOR_ADDRESS = Limit("factor-address", 200, 60)
FACTOR_ACCOUNT = Limit("factor-account", 10, 900)
PASSKEY_ADDRESS = Limit("passkey-address", 120, 60)
ANSWER_ADDRESS = Limit("answer-address", 120, 600)
OIDC_ADDRESS = Limit("oidc-address", 200, 60)
REFRESH_ADDRESS = Limit("refresh-address", 300, 60)
NOTES_ACCOUNT = Limit("notes-account", 60, 60)
FHIR_ACCOUNT = Limit("fhir-account", 1_200, 60)
SOCKETS_ADDRESS = Limit("sockets-address", 12_000, 60)


class Limits:
    """Counts and refuses. ``on`` False: load tests."""

    def __init__(self, redis: Redis, *, on: bool) -> None:
        self._redis = redis
        self._on = on
        self._here: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._local_until = 0.0

    async def count(self, limit: Limit, who: str) -> None:
        """Count one more for ``who`` (a keyed hash).

        Raises:
            Problem: 429 with ``Retry-After`` when the limit is exceeded.
        """
        if not self._on:
            return
        key = f"hospital_rt:limit:{limit.name}:{who}"
        count, left_s = await self._shared(key, limit)
        if count > limit.most:
            raise Problem("rate-limited", "Wait a little, then try again.", retry_after_s=max(1, int(left_s) + 1))

    async def reset(self, limit: Limit, who: str) -> None:
        """Reset the count after a success (for example the right password)."""
        if not self._on:
            return
        key = f"hospital_rt:limit:{limit.name}:{who}"
        self._here.pop(key, None)
        if time.monotonic() < self._local_until:
            return
        with contextlib.suppress(*REDIS_AWAY):
            await self._redis.delete(key)

    async def _shared(self, key: str, limit: Limit) -> tuple[int, float]:
        here = self._alone(key, limit)
        if time.monotonic() < self._local_until:
            return here
        try:
            count, left_ms = await self._redis.eval(_COUNT, 1, key, str(limit.window_s * 1000))
            return int(count), max(0, int(left_ms)) / 1000
        except REDIS_AWAY as error:
            self._local_until = time.monotonic() + 2
            log.warning("limits.alone", **describe_error(error))
            return here

    def _alone(self, key: str, limit: Limit) -> tuple[int, float]:
        now = time.monotonic()
        count, until = self._here.get(key, (0, 0.0))
        if until <= now:
            count, until = 0, now + limit.window_s
        self._here[key] = (count + 1, until)
        self._here.move_to_end(key)
        while len(self._here) > HELD_HERE:
            self._here.popitem(last=False)
        return count + 1, until - now
