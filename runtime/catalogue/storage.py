"""Where a store's bytes lie: every access of a store to files is here, so that another place is another class."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from runtime.catalogue.objects import ObjectFolder, is_url
from toolkit.command import output_file
from toolkit.errors import UsageError
from toolkit.files import remove_leftovers, write_bytes


class Folder(Protocol):
    """Named files, each of which is whole or absent."""

    def names(self) -> list[str]:
        """Return the names of all files, sorted; none where the folder does not exist."""

    def read(self, name: str) -> bytes:
        """Return a file's content."""

    def write(self, name: str, content: bytes) -> None:
        """Write a file or replace it, atomically."""

    def remove(self, name: str) -> None:
        """Delete a file."""


class LocalFolder:
    """A folder of this machine, made when the first file is written."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def names(self) -> list[str]:
        return sorted(entry.name for entry in self.path.iterdir()) if self.path.is_dir() else []

    def read(self, name: str) -> bytes:
        return (self.path / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        write_bytes(self.path / name, content)

    def remove(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)


def folder_at(path: str) -> Folder:
    """Return the folder at a path or URL."""
    return ObjectFolder(path) if is_url(path) else LocalFolder(path)


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Let no other process write a store in the block, and remove what killed ones left there.

    Object storage has no locks: nothing is done there.

    Raises
    ------
    UsageError
        If one does, or the store cannot be written.
    """
    if is_url(path):
        yield
        return
    target = Path(path)
    if not target.is_dir():
        output_file(target, "--out")
    elif not os.access(target, os.W_OK):
        raise UsageError(f"--out {path}: the folder may not be written to: name another")
    lock = target.with_name(f".{target.name}.lock")
    handle = _lock(lock, path)
    try:
        remove_leftovers(target if target.is_dir() else target.parent, suffix=target.suffix)
        yield
    finally:
        with suppress(OSError):
            lock.unlink()  # while it is still ours
        os.close(handle)


def _lock(lock: Path, path: str) -> int:
    while True:
        try:
            handle = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise UsageError(f"--out {path}: cannot be written ({error.strerror}): name another") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise UsageError(f"--out {path}: another run writes to it: wait for its end, or name another") from None
        with suppress(OSError):
            if os.path.samestat(os.fstat(handle), os.stat(lock)):
                return handle
        os.close(handle)  # its last owner deleted it meanwhile
