"""The Redis client that every role uses, and the errors that mean that Redis cannot be reached."""

from __future__ import annotations

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

# uvloop answers a write to a connection that was reset with a RuntimeError, which no client counts among its own.
REDIS_AWAY = (RedisError, OSError, RuntimeError)


def try_once_more() -> Retry:
    """On a connection made anew, should the one at hand have died."""
    return Retry(
        ExponentialBackoff(cap=0.2, base=0.02),
        1,
        # Typed for redis' own errors, taken as given.
        supported_errors=(RedisConnectionError, RedisTimeoutError, RuntimeError),  # type: ignore[arg-type]
    )


def make_redis(url: str) -> Redis:
    """A client whose every call ends within about a second when Redis is away."""
    pool = BlockingConnectionPool.from_url(
        url,
        socket_timeout=1.0,
        socket_connect_timeout=1.0,
        retry=try_once_more(),
        health_check_interval=15,
        decode_responses=False,
        max_connections=64,
        timeout=1.0,
    )
    return Redis.from_pool(pool)
