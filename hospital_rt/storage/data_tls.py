"""TLS to MongoDB and Redis: one CA for both, put into their URLs where the URLs ask for TLS.

TLS itself is asked for by the URLs (``tls=true``, ``rediss://``), as the drivers define it; what a URL says of its own
CA stands. Without ``DATA_CA_PATH`` the drivers use the system's bundle, or that of ``SSL_CERT_FILE``.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

ON = frozenset({"true", "1", "yes"})


def mongo_uses_tls(url: str) -> bool:
    """Whether a MongoDB URL requires TLS; ``mongodb+srv`` does by default."""
    parts = urlsplit(url)
    said = {name.lower(): value.lower() for name, value in parse_qsl(parts.query)}
    asked = said.get("tls", said.get("ssl"))
    return asked in ON if asked is not None else parts.scheme == "mongodb+srv"


def redis_uses_tls(url: str) -> bool:
    return urlsplit(url).scheme == "rediss"


def with_ca(mongo_url: str | None, redis_url: str | None, ca: Path) -> tuple[str | None, str | None]:
    """Both URLs with this CA, where they use TLS and name none.

    Raises:
        ValueError: the file cannot be read, or neither URL uses TLS, so that the CA would protect nothing.
    """
    try:
        ca.read_bytes()
    except OSError:
        raise ValueError("the file cannot be read") from None
    path, found = quote(str(ca.absolute()), safe=""), [mongo_url, redis_url]
    if mongo_url and mongo_uses_tls(mongo_url):
        found[0] = _with(mongo_url, "tlsCAFile", path)
    if redis_url and redis_uses_tls(redis_url):
        found[1] = _with(redis_url, "ssl_ca_certs", path)
    used = (mongo_url and mongo_uses_tls(mongo_url)) or (redis_url and redis_uses_tls(redis_url))
    if (mongo_url or redis_url) and not used:
        raise ValueError("neither MONGO_URL (tls=true) nor REDIS_URL (rediss://) uses TLS")
    return found[0], found[1]


def _with(url: str, name: str, value: str) -> str:
    parts = urlsplit(url)
    if any(one.lower() == name.lower() for one, _ in parse_qsl(parts.query)):
        return url
    if not parts.path:
        url = url.replace("?", "/?", 1) if parts.query else f"{url}/"
    return f"{url}{'&' if parts.query else '?'}{name}={value}"
