"""Bounded send queue of one socket: frames are written directly while the network accepts them, else by a waiting
task.

A client that reads nothing costs this process at most its send queue and delays no other client.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from hospital_rt.realtime import protocol

MAX_EVENTS = 256
MAX_QUEUED_BYTES = 1 << 20


class SendQueue:
    """Frames waiting for one socket, and one writer task while there are any. An idle socket has neither queue nor
    task.

    Args:
        write: writes one frame; its future is done when the network has accepted the frame.
        close: closes the socket with a code.
    """

    __slots__ = ("_bytes", "_close", "_events", "_frames", "_over", "_progressed", "_write", "_writer")

    def __init__(self, write: Callable[[bytes], asyncio.Future[None]], close: Callable[[int, str], None]) -> None:
        self._write = write
        self._close = close
        self._frames: deque[tuple[bytes, bool]] | None = None
        self._events = 0
        self._bytes = 0
        self._progressed: asyncio.Event | None = None  # set when the network accepted a frame, or never will again
        self._over = False
        self._writer: asyncio.Task[None] | None = None

    def fits(self, frame: bytes, *, is_event: bool = True) -> bool:
        """Whether there is room for the frame. A single frame always fits."""
        if not self._frames:
            return True
        return self._events + is_event <= MAX_EVENTS and self._bytes + len(frame) <= MAX_QUEUED_BYTES

    def offer(self, frame: bytes, *, is_event: bool = True) -> bool:
        """Queue a frame. False when the socket is closing; without room it is closed with 1013."""
        if self._over:
            return False
        if not self.fits(frame, is_event=is_event):
            self.give_up(protocol.TOO_SLOW, "too slow")
            return False
        if self._frames is None:
            try:
                taken = self._write(frame)
            except Exception:
                self._end()  # the socket is gone; its handler gets ``on_close``
                return False
            if taken.done() and taken.exception() is None:
                return True
            self._frames = deque()
            self._writer = asyncio.create_task(self._run(self._frames, taken), name="outbox")
        self._frames.append((frame, is_event))
        self._events += is_event
        self._bytes += len(frame)
        return True

    async def room_for(self, frame: bytes, *, patience_s: float) -> bool:
        """Wait until the frame fits. False when the socket is closing, or nothing was sent for ``patience_s``."""
        return await self._wait_until(lambda: self.fits(frame), patience_s)

    async def drained(self, *, patience_s: float) -> bool:
        """Wait until everything queued is written. False as for :meth:`room_for`."""
        return await self._wait_until(lambda: not self._frames, patience_s)

    async def _wait_until(self, reached: Callable[[], bool], patience_s: float) -> bool:
        while not self._over and not reached():
            self._progressed = asyncio.Event()
            try:
                await asyncio.wait_for(self._progressed.wait(), patience_s)
            except TimeoutError:
                return False
            finally:
                self._progressed = None
        return not self._over

    def give_up(self, code: int, reason: str) -> None:
        """Close the socket and queue nothing more."""
        if not self._over:
            self._end()
            self._close(code, reason)

    def stop(self) -> None:
        """Stop: the socket is gone."""
        self._end()
        if self._writer:
            self._writer.cancel()

    def _end(self) -> None:
        self._over = True
        self._frames = None
        self._events = self._bytes = 0
        self._notify()

    def _notify(self) -> None:
        if self._progressed:
            self._progressed.set()

    async def _run(self, frames: deque[tuple[bytes, bool]], taken: asyncio.Future[None]) -> None:
        """Write queued frames in order, each once the previous is accepted; ``taken`` belongs to the first."""
        try:
            while True:
                await taken
                if self._over:
                    return
                frame, is_event = frames.popleft()
                self._events -= is_event
                self._bytes -= len(frame)
                if not frames:
                    break
                self._notify()
                taken = self._write(frames[0][0])
            self._frames = self._writer = None
            self._notify()
        except asyncio.CancelledError:
            raise
        except Exception:
            self._end()
