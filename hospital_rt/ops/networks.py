"""Whether an IP address is in one of the networks of a setting."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network


@lru_cache(maxsize=256)
def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text, strict=False)


def is_in(address: str, networks: Iterable[str]) -> bool:
    """Whether an address (untrusted text) is in one of these networks."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in map(_network, networks) if network.version == found.version)
