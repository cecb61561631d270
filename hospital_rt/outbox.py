"""The bounded way to one socket: one writer that waits for the network, and a limit to what waits for it.

The promise: a reader that takes nothing in costs this process no more than its outbox, and delays nobody else.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

OUTBOX_EVENTS = 256
OUTBOX_BYTES = 1 << 20


class Outbox:
    """The queue and the one writer of a socket.

    Args:
        write: writes one frame and returns when the network has taken it.
        close: closes the socket with a code.
    """

    def __init__(self, write: Callable[[bytes], Awaitable[None]], close: Callable[[int, str], None]) -> None:
        self._write = write
        self._close = close
        self._frames: deque[tuple[bytes, bool]] = deque()
        self._events = 0
        self._bytes = 0
        self._more = asyncio.Event()
        self._taken = asyncio.Event()      # the network took a frame, or will never take one again
        self._over = False
        self._task = asyncio.create_task(self._run(), name="outbox")

    def fits(self, frame: bytes, *, is_event: bool = True) -> bool:
        """Whether there is room for it. A single frame always has room."""
        if not self._frames:
            return True
        return self._events + is_event <= OUTBOX_EVENTS and self._bytes + len(frame) <= OUTBOX_BYTES

    def offer(self, frame: bytes, *, is_event: bool = True) -> bool:
        """Queue a frame. False when the socket is closing, as it is when there was no room: then with 1013."""
        if self._over:
            return False
        if not self.fits(frame, is_event=is_event):
            self.give_up(1013, "too slow")
            return False
        self._frames.append((frame, is_event))
        self._events += is_event
        self._bytes += len(frame)
        self._more.set()
        return True

    async def room_for(self, frame: bytes, *, patience_s: float) -> bool:
        """Wait until it fits. False when the socket is closing, or its reader took nothing in for so long."""
        while not self._over and not self.fits(frame):
            if not await self._progress(patience_s):
                return False
        return not self._over

    async def drained(self, *, patience_s: float) -> bool:
        """Wait until everything queued is written. False as for :meth:`room_for`."""
        while not self._over and self._frames:
            if not await self._progress(patience_s):
                return False
        return not self._over

    async def _progress(self, within_s: float) -> bool:
        self._taken.clear()
        try:
            await asyncio.wait_for(self._taken.wait(), within_s)
        except TimeoutError:
            return False
        return True

    def give_up(self, code: int, reason: str) -> None:
        """Close the socket and queue nothing more."""
        if not self._over:
            self._end()
            self._close(code, reason)

    def stop(self) -> None:
        """The socket is gone."""
        self._end()
        self._task.cancel()

    def _end(self) -> None:
        self._over = True
        self._frames.clear()
        self._events = self._bytes = 0
        self._taken.set()

    async def _run(self) -> None:
        try:
            while True:
                await self._more.wait()
                self._more.clear()
                while self._frames:
                    frame, is_event = self._frames[0]
                    await self._write(frame)
                    if self._over:
                        return
                    self._frames.popleft()
                    self._events -= is_event
                    self._bytes -= len(frame)
                    self._taken.set()
        except asyncio.CancelledError:
            raise
        except Exception:
            self._end()                    # the socket is gone; its handler hears of that by itself
