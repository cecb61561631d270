"""The Redis client of all roles, and the errors that mean that Redis is unreachable."""

from __future__ import annotations

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

# Writing to a connection that was reset raises RuntimeError with uvloop, which redis-py does not handle.
REDIS_AWAY = (RedisError, OSError, RuntimeError)


def try_once_more() -> Retry:
    """Retry once, on a new connection, when the pooled one is dead."""
    return Retry(
        ExponentialBackoff(cap=0.2, base=0.02),
        1,
        # The stubs allow only redis' own errors; at runtime the classes are used as given.
        supported_errors=(RedisConnectionError, RedisTimeoutError, RuntimeError),  # type: ignore[arg-type]
    )


def make_redis(url: str) -> Redis:
    """A client whose every call ends within about a second when Redis is unreachable."""
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
