"""Compressed JSON, padded by a random length: many alike rows shrink to a tenth, and the length reveals less of them.

An answer that holds secrets beside words of somebody else must not show by its exact length how alike they are
(BREACH). No request to the API carries authority by itself, and the padding hides what little is left ("Heal the
BREACH", 2022; the same as in Django).
"""

from __future__ import annotations

import gzip
import io
import secrets

MAX_PADDING_BYTES = 100
LEVEL = 5


def compress_padded(text: bytes) -> bytes:
    """gzip, with a file name of random length in its header."""
    found = io.BytesIO()
    name = "a" * secrets.randbelow(MAX_PADDING_BYTES)
    with gzip.GzipFile(filename=name, mode="wb", compresslevel=LEVEL, fileobj=found, mtime=0) as file:
        file.write(text)
    return found.getvalue()
