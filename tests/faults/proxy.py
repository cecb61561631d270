"""A TCP proxy that misbehaves as it is told: refuses, resets, delays, cuts, drops replies, holds requests."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

Address = tuple[str, int] | Path
_RESET = struct.pack("ii", 1, 0)
_SESSION = re.compile(rb"\x03lsid\x00.{4}\x05id\x00\x10\x00\x00\x00\x04(.{16})", re.DOTALL)


class Proxy:
    """Stands between a client and ``target``. Every switch works on connections that are open already, too."""

    def __init__(self, target: Address) -> None:
        self.target = target
        self.port = 0
        self.delay_s = 0.0
        self.dropping = False  # replies are thrown away, the connection stays
        self.cut_after: int | None = None  # bytes of replies after which a connection is closed
        self.held = 0  # bytes of requests that wait for :meth:`release`
        self.dropped = 0
        self._trigger: tuple[bytes, str] | None = None
        self._flows = asyncio.Event()
        self._flows.set()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> Proxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def refuse(self) -> None:
        """Stop listening; connections are reset."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.reset()

    async def accept(self) -> None:
        """Listen again, where it was."""
        if self._server is None:
            await self.start()

    def reset(self) -> None:
        """Cut every connection by RST, as a firewall or a dying host does."""
        for writer in list(self._writers):
            with contextlib.suppress(OSError, AttributeError):
                raw: socket.socket = writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()

    def hold(self) -> None:
        """Let no request through until :meth:`release`; then all come, though the client may have given up."""
        self._flows.clear()

    def release(self) -> None:
        self._flows.set()

    def hold_commit_of(self, words: bytes) -> None:
        """Hold the commit of the MongoDB transaction that sends these words, and all that comes after it."""
        self._trigger = (words, "hold")

    def drop_reply_to_commit_of(self, words: bytes) -> None:
        """Let that commit through; neither its reply nor any other comes back."""
        self._trigger = (words, "drop")

    @property
    def has_struck(self) -> bool:
        """Whether that commit has come."""
        return self._trigger is None

    def _watch(self, data: bytes) -> None:
        if self._trigger is None:
            return
        words, what = self._trigger
        if words not in data:
            return
        if b"commitTransaction" not in data:
            session = _SESSION.search(data)
            self._trigger = (session[1], what) if session else self._trigger
        elif len(words) == 16:
            self._trigger = None
            if what == "hold":
                self.hold()
            else:
                self.dropping = True

    def heal(self) -> None:
        self.delay_s, self.dropping, self.cut_after, self._trigger = 0.0, False, None, None
        self.release()

    async def stop(self) -> None:
        await self.refuse()
        self.release()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if isinstance(self.target, Path):
                there, back = await asyncio.open_unix_connection(str(self.target))
            else:
                there, back = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, back}
        for pump in (self._requests(reader, back), self._replies(there, writer)):
            task = asyncio.create_task(pump)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)  # the delay that is asked for
                self._watch(data)
                if not self._flows.is_set():
                    self.held += len(data)
                    await self._flows.wait()
                writer.write(data)
                await writer.drain()
        self._close(writer)

    async def _replies(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent = 0
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)  # the delay that is asked for
                if self.dropping:
                    self.dropped += len(data)
                    continue
                if self.cut_after is not None and sent + len(data) > self.cut_after:
                    writer.write(data[: max(0, self.cut_after - sent)])
                    break
                sent += len(data)
                writer.write(data)
                await writer.drain()
        self._close(writer)

    def _close(self, writer: asyncio.StreamWriter) -> None:
        self._writers.discard(writer)
        with contextlib.suppress(OSError, RuntimeError):
            writer.close()


def through(url: str, port: int) -> str:
    """The URL of a server as it is reached through a proxy on this port."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return f"redis://:{parts.password}@127.0.0.1:{port}/0"
    user = parts.netloc.rpartition("@")[0]
    return parts._replace(netloc=f"{user}@127.0.0.1:{port}" if user else f"127.0.0.1:{port}").geturl()


def target_of(url: str) -> Address:
    """Where a server of this URL listens."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return Path(unquote(parts.path))
    return parts.hostname or "127.0.0.1", parts.port or 27017


@contextlib.asynccontextmanager
async def proxy_of(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy before the server of a URL, and the URL that leads through it."""
    proxy = await Proxy(target_of(url)).start()
    try:
        yield proxy, through(url, proxy.port)
    finally:
        await proxy.stop()
