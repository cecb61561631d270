"""``python main.py healthy``: whether the role of this container or machine is alive, for health checks.

It asks ``/healthz`` at ``PORT`` (the web role) and at ``OPS_PORT`` (a worker or a scheduler), as the environment names
them. A check every second while a role starts must cost next to nothing: one socket, and of the service nothing is
imported, no ``.env`` read.
"""

import os
import socket
import sys

TIMEOUT_S = 5.0
ANYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 - compared, not bound


def main() -> int:
    """0 when a role answers 200; else 1, and one line that says where nothing did."""
    host = os.environ.get("HOST", "")
    host = "127.0.0.1" if host in ANYWHERE else host
    ports = [os.environ.get("PORT") or "8000"]
    if (other := os.environ.get("OPS_PORT")) and other not in ports:
        ports.append(other)
    if any(is_alive(host, port) for port in ports):
        return 0
    sys.stderr.write(f"nothing is alive at {host}, port {' or '.join(ports)}\n")
    return 1


def is_alive(host: str, port: str) -> bool:
    """Whether ``/healthz`` answers 200 there."""
    try:
        with socket.create_connection((host, int(port)), TIMEOUT_S) as line:
            line.sendall(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
            return line.recv(64).split(b" ", 2)[1:2] == [b"200"]
    except (OSError, ValueError):
        return False
