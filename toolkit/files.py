"""Files that are whole or absent: atomic writes, canonical JSON, digests."""

from __future__ import annotations

import errno
import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_MARK = ".gtzanet-tmp"
"""What is in the names of temporary files, and in nobody else's."""


@contextmanager
def atomic_path(target: Path, durable: bool = True, mode: int = 0o644) -> Iterator[Path]:
    """Yield a temporary path beside `target`; rename it onto `target` when the block succeeds.

    The temporary file keeps the target's suffix, so that writers which look at it still work. It is flushed to disk
    before the rename, and removed when the block raises, so that `target` is either the old file or the whole new
    one. Where it need not be `durable`, a power cut may leave it damaged, and it is written much sooner. `mode` is the
    new file's.

    Raises
    ------
    OSError
        If `target` is a folder, a device or a pipe, or cannot be written; the error names it, not the temporary file.
    """
    import tempfile  # not before: a device that classifies writes nothing

    target = Path(target)
    _check_replaceable(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    prefix, suffix = f".{target.stem[:40]}.", f"{_MARK}{target.suffix}"
    try:
        handle, name = tempfile.mkstemp(prefix=prefix, suffix=suffix, dir=target.parent)
    except OSError as error:
        raise _naming(target, error) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        if durable:
            with temporary.open("rb+") as stream:
                os.fsync(stream.fileno())
        temporary.chmod(mode)
        temporary.replace(target)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, name, temporary):
            raise _naming(target, error) from error
        raise


def _check_replaceable(target: Path) -> None:
    """Refuse a target that is there and is no regular file: a rename would replace a device."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder: name a file to write", str(target))
    if not stat.S_ISREG(mode):
        raise FileExistsError(errno.EEXIST, "is a device or a pipe: name a regular file to write", str(target))


def _naming(target: Path, error: OSError) -> OSError:
    """Return an error (a full disk, a name that is too long) with the target as its file."""
    return OSError(error.errno, error.strerror or str(error), str(target))


def remove_leftovers(folder: Path, older_than: float = 0.0, suffix: str = "") -> list[Path]:
    """Delete and return `atomic_path`'s files that killed processes left in `folder`, with one suffix or any.

    Files younger than `older_than` seconds stay.
    """
    newest, removed = time.time() - older_than, []
    for leftover in folder.glob(f".*{_MARK}*{suffix}"):
        with suppress(FileNotFoundError):  # another process may sweep, too
            status = leftover.lstat()
            if stat.S_ISREG(status.st_mode) and status.st_mtime <= newest:
                leftover.unlink()
                removed.append(leftover)
    return removed


def write_bytes(target: Path, data: bytes, durable: bool = True) -> None:
    """Write `data` to `target` atomically."""
    with atomic_path(target, durable) as temporary:
        temporary.write_bytes(data)


def write_text(target: Path, text: str) -> None:
    """Write `text` as UTF-8 to `target` atomically."""
    write_bytes(target, text.encode("utf-8"))


def canonical_json(value: Any) -> str:
    """Return `value` as JSON with sorted keys and no NaN: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def write_json(target: Path, value: Any) -> None:
    """Write `value` as readable JSON (indent 1, sorted keys, no NaN) to `target` atomically."""
    write_text(target, json.dumps(value, sort_keys=True, indent=1, allow_nan=False, ensure_ascii=False) + "\n")


def read_json(source: Path) -> Any:
    """Return the JSON value in `source`.

    Raises
    ------
    OSError, ValueError
        If the file cannot be read or is not JSON.
    """
    try:
        return json.loads(Path(source).read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("its lists and objects lie too deep in one another") from None


def digest_of(value: Any) -> str:
    """Return the SHA-256 hex digest of a JSON value's canonical text."""
    import hashlib  # not before: it loads OpenSSL, and a device that classifies digests little

    return hashlib.sha256(canonical_json(value).encode("utf-8")).hexdigest()


def file_digest(source: Path) -> str:
    """Return the SHA-256 hex digest of a file's bytes."""
    import hashlib

    with Path(source).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
