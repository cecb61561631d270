"""Outgoing HTTP in a hospital's network: by its proxy alone, and by certificates of its own authority.

The endpoints have names that no resolver knows; only the proxy does. Each call is made by a process of its own, as a
role makes it, since libraries read these variables once.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from deploy.make_data_tls import authority, issue
from hospital_rt.delivery.proxy import proxy_for
from hospital_rt.delivery.web_push import EndpointRefused, PushSender
from tests.support.driver import free_port
from tests.support.processes import ROOT

ANSWER = {
    "choices": [
        {
            "finish_reason": "stop",
            "message": {
                "role": "assistant",
                "content": json.dumps(
                    {
                        "checklist": [{"title": "Book a chest X-ray", "s": [1]}],
                        "plan": [],
                    }
                ),
            },
        }
    ],
    "model": "m",
    "usage": {"prompt_tokens": 1, "completion_tokens": 1},
}
PUSH = """
import asyncio, base64, os
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hospital_rt.delivery.web_push import PushSender

def b64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")

async def main():
    sender = PushSender(private_key=PushSender.new_private_key(), subject="mailto:a@clinic.example", hosts=())
    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    key = b64(point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
    for endpoint in os.environ["ENDPOINTS"].split():
        print((await sender.send(endpoint=endpoint, p256dh=key, auth=b64(os.urandom(16)), data=b"x")).result)
    os.environ["NO_PROXY"] = "push.clinic-test.com"
    print((await sender.send(endpoint=endpoint, p256dh=key, auth=b64(os.urandom(16)), data=b"x")).result)
    await sender.close()

asyncio.run(main())
"""


class Outside:
    """A proxy that knows ``*.clinic-test.com``, and behind it a server that speaks TLS by the house's authority."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        self.requests: list[str] = []
        self.proxy_port, self.port = free_port(), free_port()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(head.split(b" HTTP", 1)[0].decode())
        body = json.dumps(ANSWER).encode()
        status = b"201 Created" if b"/push/" in head else b"200 OK"
        writer.write(
            b"HTTP/1.1 " + status + b"\r\nContent-Type: application/json\r\nConnection: close\r\n"
            b"Content-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body
        )
        await writer.drain()
        writer.close()

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(head.split(b" HTTP", 1)[0].decode())
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

        async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            try:
                while data := await source.read(65536):
                    target.write(data)
                    await target.drain()
            except OSError:
                pass
            finally:
                target.close()

        await asyncio.gather(copy(reader, to_writer), copy(to_reader, writer))

    def environment(self, **changes: str) -> dict[str, str]:
        given = {
            "PATH": os.environ["PATH"],
            "HTTPS_PROXY": f"http://127.0.0.1:{self.proxy_port}",
            "NO_PROXY": "",
            "SSL_CERT_FILE": str(self.folder / "data_ca"),
            "OPENAI_MODEL": "m",
            "OPENAI_BASE_URL": "https://model.clinic-test.com/v1",
            "OPENAI_TIMEOUT_SECONDS": "20",
            **changes,
        }
        return {name: value for name, value in given.items() if value}

    async def run(self, *words: str, typed: str = "", **changes: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *words,
            cwd=ROOT,
            env=self.environment(**changes),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await asyncio.wait_for(process.communicate(typed.encode()), 150)
        return process.returncode or 0, out.decode()


@pytest.fixture
async def outside(tmp_path: Path) -> AsyncIterator[Outside]:
    found = Outside(tmp_path)
    ca, key = authority(tmp_path)
    certificate, private = issue("outside", ["model.clinic-test.com", "push.clinic-test.com"], ca, key)
    (tmp_path / "both.pem").write_bytes(private + certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    async with (
        await asyncio.start_server(found.serve, "127.0.0.1", found.port, ssl=context),
        await asyncio.start_server(found.pass_on, "127.0.0.1", found.proxy_port),
    ):
        yield found


@pytest.mark.timeout(400)  # four processes, each of which imports the client
async def test_the_language_model_is_reached_by_the_proxy_and_the_houses_authority(outside: Outside) -> None:
    extract = ("main.py", "extract", "--date", "2026-03-02")
    code, said = await outside.run(*extract, typed="Book a chest X-ray.")
    assert code == 0 and json.loads(said)["extracted_by"] == "openai:m", said
    assert outside.asked == ["CONNECT model.clinic-test.com:443"]
    assert outside.requests == ["POST /v1/chat/completions"]
    # Each of the two is what made it possible.
    code, _ = await outside.run(
        *extract, typed="Book a chest X-ray.", NO_PROXY="clinic-test.com", OPENAI_TIMEOUT_SECONDS="2"
    )
    assert code == 1 and len(outside.asked) == 1, "not by the proxy"
    code, _ = await outside.run(*extract, typed="Book a chest X-ray.", SSL_CERT_FILE="", OPENAI_TIMEOUT_SECONDS="2")
    assert code == 1 and len(outside.requests) == 1, "not without the authority"
    code, said = await outside.run(*extract, typed="Book a chest X-ray.", SSL_CERT_FILE=str(outside.folder / "none"))
    assert (code, said) == (2, "SSL_CERT_FILE: the file cannot be read\n")


async def test_web_push_uses_the_proxy_and_refuses_private_addresses(outside: Outside) -> None:
    inside = (
        "https://127.0.0.1/push/1",
        "https://10.0.0.7/push/1",
        "https://vault.internal/push/1",
        "https://mongo1/push/1",
        "http://push.clinic-test.com/push/1",
    )
    good = "https://push.clinic-test.com/push/1"
    _, said = await outside.run("-c", PUSH, ENDPOINTS=" ".join((good, *inside, good)))
    assert said.split() == ["sent", *["later"] * len(inside), "sent", "later"], "the last not by the proxy: unknown"
    assert outside.asked == ["CONNECT push.clinic-test.com:443"] * len(outside.requests)
    assert outside.requests == ["POST /push/1"] * 2


def test_which_address_goes_by_which_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "localhost,.clinic.example,10.0.0.5")
    cases: dict[str, Any] = {
        "https://push.example/x": "http://proxy.example:3128",
        "http://push.example/x": None,
        "https://models.clinic.example/v1": None,
        "https://10.0.0.5:8443/": None,
        "https://10.0.0.6/": "http://proxy.example:3128",
    }
    assert {url: proxy_for(url) for url in cases} == cases


async def test_without_a_proxy_a_name_that_nobody_knows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    sender = PushSender(private_key=PushSender.new_private_key(), subject="mailto:a@clinic.example", hosts=())
    with pytest.raises(EndpointRefused):
        await sender.check("https://push.clinic-test.invalid/x")
