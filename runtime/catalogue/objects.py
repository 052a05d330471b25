"""Object storage (`s3://bucket/music`) through fsspec: a store's folder there, and sounds, of which copies are read.

Credentials and addresses are those that fsspec's packages read: of S3 `AWS_PROFILE`, `AWS_ENDPOINT_URL` and so on.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from toolkit.error_text import first_line
from toolkit.errors import UsageError


class Object(NamedTuple):
    """An object: its URL, size in bytes and time of change in nanoseconds since 1970."""

    url: str
    size: int
    mtime: int


def is_url(path: str) -> bool:
    """Return whether a path is a URL."""
    return "://" in path


def check_url(url: str) -> None:
    """Raise `UsageError` where there is no package for this kind of URL."""
    _opened(url)


def objects_below(url: str) -> Iterator[Object]:
    """Yield the objects below a URL; those between two slashes are listed at once.

    Raises
    ------
    UsageError
        If the package for this kind of URL is not installed.
    OSError
        If there is no such place, or the storage cannot be reached.
    """
    system, root = _opened(url)
    with _reached(url):
        for _, _, files in system.walk(root, detail=True, on_error="raise"):
            for info in files.values():
                if info["type"] == "file":
                    yield _object(system, info)


def object_at(url: str) -> Object:
    """Return the object that a URL names; raise `OSError` where it is not to be had."""
    system, path = _opened(url)
    with _reached(url):
        info = system.info(path)
        if info["type"] != "file":
            raise IsADirectoryError(errno.EISDIR, "is a folder: name the objects in it, or it alone", url)
        return _object(system, info)


@contextmanager
def copied(url: str) -> Iterator[Path]:
    """Yield a temporary copy of an object on this machine; raise `OSError` where it is not to be had."""
    system, path = _opened(url)
    with tempfile.TemporaryDirectory(prefix="gtzanet-") as folder:
        copy = Path(folder, f"sound{PurePosixPath(path).suffix}")
        with _reached(url):
            system.get_file(path, str(copy))
        yield copy


class ObjectFolder:
    """A prefix in object storage; an object that is written is whole or absent."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._system, self._root = _opened(self._url)

    def names(self) -> list[str]:
        with _reached(self._url):
            try:
                infos = self._system.ls(self._root, detail=True)
            except FileNotFoundError:
                return []
        return sorted(PurePosixPath(info["name"]).name for info in infos if info["type"] == "file")

    def read(self, name: str) -> bytes:
        with _reached(f"{self._url}/{name}"):
            content: bytes = self._system.cat_file(f"{self._root}/{name}")
        return content

    def write(self, name: str, content: bytes) -> None:
        with _reached(f"{self._url}/{name}"):
            self._system.pipe_file(f"{self._root}/{name}", content)

    def remove(self, name: str) -> None:
        with _reached(f"{self._url}/{name}"):
            self._system.rm_file(f"{self._root}/{name}")


def _opened(url: str) -> tuple[Any, str]:
    try:
        import fsspec

        system, path = fsspec.url_to_fs(url, use_listings_cache=False)
    except ImportError as error:
        reason = "fsspec is not installed" if error.name == "fsspec" else first_line(error)
        raise UsageError(f"{url}: {reason} (for s3:// try: pip install 'gtzanet-edge[s3]')") from None
    except ValueError as error:
        raise UsageError(f"{url}: {first_line(error)}: name a folder, or a URL such as s3://bucket/music") from None
    return system, path


def _object(system: Any, info: dict[str, Any]) -> Object:
    changed = info.get("LastModified") or info.get("updated") or info.get("created") or info.get("mtime") or 0
    seconds = changed.timestamp() if isinstance(changed, datetime) else float(changed)
    return Object(system.unstrip_protocol(info["name"]), int(info["size"]), round(seconds * 1e9))


@contextmanager
def _reached(url: str) -> Iterator[None]:
    """Turn what goes wrong in the block, of which every storage has its own classes, into an `OSError` of this URL."""
    try:
        yield
    except FileNotFoundError:
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), url) from None
    except OSError as error:
        raise OSError(error.errno or errno.EIO, error.strerror or first_line(error), url) from None
    except Exception as error:
        raise OSError(errno.EIO, first_line(error), url) from None
