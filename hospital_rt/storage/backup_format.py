"""File formats of a backup: FILE with the records as stored (ciphertext), KEYFILE with the wrapped keys.

Both carry the installation, the number of the backup and a keyed hash: a damaged or altered file is refused before
anything is written. Files are replaced atomically.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import bson
from bson.codec_options import CodecOptions
from bson.errors import BSONError

from hospital_rt.storage.database import Document

FORMAT = 1
SignBackup = Callable[[str], str]
_OPTIONS: CodecOptions[Document] = CodecOptions(tz_aware=True)


class NotABackup(Exception):
    """The file is not a valid backup; ``str()`` is the message for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupLabel:
    """Header of both files. ``number`` counts the backups of one installation.

    ``readable_by`` is the oldest schema version that can serve the records.
    """

    installation: str
    number: int
    made_at: str
    schema: int = 1
    readable_by: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupKeys:
    """Contents of KEYFILE: wrapped keys by user, the key of the blind index, and the head of the audit."""

    label: BackupLabel
    wrapped: dict[str, str] = field(repr=False)
    audit_head: str


class PrivateFile:
    """A temporary file beside its destination, mode 0600; :meth:`commit` renames it into place."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f".{path.name}.part")
        self._part.unlink(missing_ok=True)
        self._file: BinaryIO = os.fdopen(os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")

    def write(self, data: bytes) -> int:
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    def commit(self) -> None:
        """Flush the file to disk, then rename it into place."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def discard(self) -> None:
        self._file.close()
        self._part.unlink(missing_ok=True)


class RecordsWriter:
    """Writes FILE: a header, every document with its collection, and a keyed hash of everything."""

    def __init__(self, path: Path, label: BackupLabel) -> None:
        self._file = PrivateFile(path)
        self._packed = gzip.GzipFile(fileobj=self._file, mode="wb", compresslevel=3, mtime=0)
        self._hash = hashlib.sha256()
        self.documents = 0
        self._put({"kind": "records", "format": FORMAT, **asdict(label)})

    def __enter__(self) -> RecordsWriter:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.discard()

    def _put(self, document: Document) -> None:
        data = bson.encode(document, codec_options=_OPTIONS)
        self._hash.update(data)
        self._packed.write(data)

    def put(self, collection: str, document: Document) -> None:
        self._put({"in": collection, "is": document})
        self.documents += 1

    def commit(self, sign: SignBackup) -> None:
        """Write the final hash and rename the file into place."""
        self._packed.write(bson.encode({"end": self.documents, "mac": sign(f"records|{self._hash.hexdigest()}")}))
        self._packed.close()
        self._file.commit()


def _documents(path: Path) -> Iterator[tuple[Document, str]]:
    """Every document of FILE with the hash of all bytes before it."""
    digest = hashlib.sha256()
    try:
        with gzip.open(path, "rb") as packed:
            while size := packed.read(4):
                data = size + packed.read(int.from_bytes(size, "little") - 4)
                yield bson.decode(data, codec_options=_OPTIONS), digest.hexdigest()
                digest.update(data)
    except OSError as error:
        raise NotABackup(f"{path}: {error.strerror or 'not a backup, or damaged'}") from None
    except (EOFError, zlib.error, BSONError, OverflowError, MemoryError, ValueError):
        raise NotABackup(f"{path}: not a backup, or damaged") from None


def check_records(path: Path, sign: SignBackup) -> tuple[BackupLabel, int]:
    """Read FILE completely and check its hash; the header and the number of documents.

    Raises:
        NotABackup: it is damaged, truncated or altered.
    """
    label: BackupLabel | None = None
    count, ended = 0, False
    for document, digest in _documents(path):
        if ended:
            raise NotABackup(f"{path}: something was added to it")
        if label is None:
            label = _label(document, "records", path)
        elif "end" in document:
            if document["end"] != count or document.get("mac") != sign(f"records|{digest}"):
                raise NotABackup(f"{path}: damaged, touched, or of another installation")
            ended = True
        else:
            count += 1
    if label is None or not ended:
        raise NotABackup(f"{path}: cut off")
    return label, count


def read_records(path: Path) -> Iterator[tuple[str, Document]]:
    """The documents of FILE with their collections. Call :func:`check_records` first."""
    for document, _ in _documents(path):
        if "in" in document:
            yield document["in"], document["is"]


def _label(document: Document, kind: str, path: Path) -> BackupLabel:
    try:
        if document["kind"] != kind:
            raise NotABackup(f"{path}: these are not the {kind} of a backup")
        if document["format"] != FORMAT:
            raise NotABackup(f"{path}: written by another version")
        return BackupLabel(
            installation=str(document["installation"]),
            number=int(document["number"]),
            made_at=str(document["made_at"]),
            schema=int(document.get("schema", 1)),
            readable_by=int(document.get("readable_by", 1)),
        )
    except (KeyError, TypeError, ValueError):
        raise NotABackup(f"{path}: not a backup, or damaged") from None


def write_keys(path: Path, keys: BackupKeys, sign: SignBackup) -> None:
    """Replace KEYFILE."""
    content = _keys_content(keys)
    file = PrivateFile(path)
    try:
        file.write(json.dumps({**content, "mac": _sign_keys(content, sign)}, indent=0).encode())
        file.commit()
    except BaseException:
        with contextlib.suppress(OSError):
            file.discard()
        raise


def read_keys(path: Path) -> tuple[BackupKeys, Callable[[SignBackup], bool]]:
    """The contents of KEYFILE, and a function that checks its hash once its own index key has been unwrapped.

    Raises:
        NotABackup: it cannot be read or has another format.
    """
    try:
        content = json.loads(path.read_bytes())
        mac = content.pop("mac")
        wrapped = {str(id): str(key) for id, key in content["keys"].items()}
        found = BackupKeys(label=_label(content, "keys", path), wrapped=wrapped, audit_head=str(content["audit_head"]))
    except OSError as error:
        raise NotABackup(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise NotABackup(f"{path}: not the keys of a backup, or damaged") from None
    return found, lambda sign: mac == _sign_keys(content, sign)


def _keys_content(keys: BackupKeys) -> dict[str, Any]:
    return {
        "kind": "keys",
        "format": FORMAT,
        **asdict(keys.label),
        "audit_head": keys.audit_head,
        "keys": keys.wrapped,
    }


def _sign_keys(content: dict[str, Any], sign: SignBackup) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return sign(f"keys|{hashlib.sha256(text.encode()).hexdigest()}")
