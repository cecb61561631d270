"""Passwords: argon2id through the passlib context, off the event loop, with a bounded queue.

Parameters are the minimum of the OWASP Password Storage Cheat Sheet (19 MiB, 2 passes, 1 lane). Rules for choosing one
follow NIST SP 800-63B: length and a list of common ones, no composition rules.
"""

from __future__ import annotations

import asyncio
import gzip
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TypeVar

from passlib.context import CryptContext

from hospital_rt.web.problems import Problem

T = TypeVar("T")
THREADS = 2
QUEUE = 50


@cache
def common_passwords() -> frozenset[str]:
    """Common passwords of 12 characters and more, case-folded."""
    path = Path(__file__).with_name("common_passwords.txt.gz")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return frozenset(line.strip() for line in lines if line.strip())


def is_common(password: str, *, email: str = "", name: str = "") -> bool:
    """Whether a password is easily guessed: listed, a repetition, or made of the account's name or address."""
    folded = unicodedata.normalize("NFKC", password).casefold().strip()
    bare = "".join(folded.split())
    words = (email, email.split("@")[0], name)
    own = {word for word in ("".join(one.casefold().split()) for one in words) if len(word) >= 4}
    if bare in common_passwords() or bare in own or any(bare == word * (len(bare) // len(word)) for word in own):
        return True
    return any(len(bare) % size == 0 and bare == bare[:size] * (len(bare) // size) for size in range(1, 5))


class Passwords:
    """Hashes and verifies in a small thread pool. More than ``QUEUE`` waiting: 429 ``busy``."""

    def __init__(self) -> None:
        self._context = CryptContext(
            schemes=["argon2"],
            argon2__type="ID",
            argon2__memory_cost=19456,
            argon2__time_cost=2,
            argon2__parallelism=1,
            deprecated="auto",
        )
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords")
        self._waiting = 0
        self._unknown_user = self._context.hash("no account has this password")

    async def _off_loop(self, work: Callable[[], T]) -> T:
        if self._waiting >= QUEUE:
            raise Problem("busy", "Many people are signing in. Try again in a moment.", retry_after_s=2)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1

    @staticmethod
    def _same(password: str) -> str:
        """One form for one password, however a keyboard composed its accents and how wide it wrote its digits."""
        return unicodedata.normalize("NFKC", password)

    async def hash(self, password: str) -> str:
        return await self._off_loop(lambda: str(self._context.hash(self._same(password))))

    async def verify(self, password: str, hashed: str | None) -> tuple[bool, str | None]:
        """Whether it is right, and a newer hash to keep when the parameters or the form of passwords changed since.

        ``hashed`` None (no such account) takes the same time and is never correct.
        """

        def work() -> tuple[bool, str | None]:
            same, former = self._same(password), unicodedata.normalize("NFC", password)
            right, newer = self._context.verify_and_update(same, hashed or self._unknown_user)
            if not right and former != same and self._context.verify(former, hashed or self._unknown_user):
                right, newer = True, str(self._context.hash(same))  # hashed when that was the form
            return (bool(right), newer) if hashed else (False, None)

        return await self._off_loop(work)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
