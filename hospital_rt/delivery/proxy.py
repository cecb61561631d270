"""Outgoing HTTP through the hospital's proxy: which address goes by which proxy, as curl and Python's libraries read
``HTTPS_PROXY``, ``HTTP_PROXY`` and ``NO_PROXY``.

The language model's client reads these by itself; Web Push asks here. ``SSL_CERT_FILE`` is OpenSSL's own.
"""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass


def proxy_for(url: str) -> str | None:
    """The proxy for this address; None when there is none, or ``NO_PROXY`` names the host."""
    parts = urlsplit(url)
    found = getproxies_environment()
    proxy = found.get(parts.scheme) or found.get("all")
    if not proxy or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"
