"""``check``: validates the settings and reaches every dependency that they name."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pymongo.errors import PyMongoError

from hospital_rt.runtime.binaries import Binary, EmbeddedRefused, find_mongo, find_redis
from hospital_rt.settings import Settings, SettingsError, load_settings
from hospital_rt.storage.database import Database
from hospital_rt.storage.redis_client import make_redis
from hospital_rt.web.identity_provider import make_identity_provider

Finding = tuple[bool, str]
WITHIN_S = 6.0


async def check_everything(values: Mapping[str, str]) -> list[Finding]:
    """``(ok, one line)`` for each wrong setting and each dependency."""
    try:
        settings = load_settings("check", values)
    except SettingsError as wrong:
        return [(False, line) for line in wrong.lines]
    findings: list[Finding] = [(True, "settings: all values are valid")]
    if settings.mongo_url:
        findings += [(False, f"{name}: is required with MONGO_URL") for name in settings.missing_secrets]
    findings.append(await _mongo(settings) if settings.mongo_url else _embedded("MongoDB", _find_mongo))
    findings.append(await _redis(settings.redis_url) if settings.redis_url else _embedded("Redis", find_redis))
    if settings.smtp_url:
        connecting = _connect(settings.smtp_url, {"smtp": 25, "smtps": 465})
        findings.append(await _reach("SMTP_URL: the mail server", connecting))
    if settings.openai_base_url:
        connecting = _connect(settings.openai_base_url, {"http": 80, "https": 443})
        findings.append(await _reach("OPENAI_BASE_URL: the model's endpoint", connecting))
    if provider := make_identity_provider(settings):
        documents = provider.authorization_url(state="", nonce="", challenge="")
        findings.append(await _reach("OIDC_ISSUER: the identity provider", documents))
    return findings


async def _mongo(settings: Settings) -> Finding:
    what = f"MONGO_URL: MongoDB (driver {settings.mongo_driver})"
    try:
        database = Database(settings.mongo_url or "", driver=settings.mongo_driver)
    except (PyMongoError, ValueError) as error:
        return False, f"{what}: not a usable URL ({type(error).__name__})"
    try:
        return await _reach(what, database.ping())
    finally:
        await database.close()


async def _redis(url: str) -> Finding:
    redis = make_redis(url)
    try:
        return await _reach("REDIS_URL: Redis", redis.ping())
    finally:
        await redis.aclose()


async def _reach(what: str, ping: Awaitable[Any]) -> Finding:
    try:
        await asyncio.wait_for(ping, WITHIN_S)
    except Exception as error:
        return False, f"{what} cannot be reached ({type(error).__name__})"
    return True, f"{what} answers"


async def _connect(address: str, standard: dict[str, int]) -> None:
    parts = urlsplit(address)
    _, writer = await asyncio.open_connection(parts.hostname, parts.port or standard[parts.scheme])
    writer.close()


def _find_mongo() -> Binary:
    with tempfile.TemporaryDirectory() as folder:
        return find_mongo(Path(folder))


def _embedded(what: str, find: Callable[[], Binary]) -> Finding:
    try:
        return True, f"{what}: embedded ({find().description})"
    except EmbeddedRefused as refused:
        return False, f"{what}: {refused}"
