"""The pictures of an index's items: pictures are read, sounds are rendered window by window, once, and kept."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from toolkit.audio.decode import load
from toolkit.data.dataset import Index, Item
from toolkit.errors import DatasetError, GtzanetError
from toolkit.files import canonical_json, digest_of, file_digest, read_json, remove_leftovers, write_bytes
from toolkit.frontend.picture import read_png, render
from toolkit.frontend.spec import PICTURE, FrontEnd
from toolkit.frontend.windows import split_windows
from toolkit.parallel import Progress, map_threads

CACHE_FORMAT = 3
"""To be raised when an entry's layout, or what the same front-end description renders, changes."""
LEFTOVER_SECONDS = 3600.0
"""Writing an entry is quicker: an older temporary file is a killed process'."""
SHAPE = (288, 432, 3)
DIGEST_BYTES = 32
T = TypeVar("T")


def default_cache() -> Path:
    """Return where rendered pictures are kept: `$XDG_CACHE_HOME` or `~/.cache`, then `gtzanet-edge`."""
    home = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(home) if home else Path.home() / ".cache") / "gtzanet-edge"
    except RuntimeError:
        raise DatasetError(
            "this user has no home folder to keep rendered pictures in: set XDG_CACHE_HOME or use --cache DIR"
        ) from None


@dataclass(frozen=True)
class Windows:
    """The pictures of all windows of some items, in their order.

    `pictures` is uint8 (windows, 288, 432, 3). `clips`, int64 (windows,), holds the place of each window's item.
    """

    pictures: NDArray[np.uint8]
    clips: NDArray[np.int64]


def load_windows(
    index: Index, items: Sequence[Item], cache: Path | None = None, progress: Progress | None = None
) -> Windows:
    """Return a picture of every window that `toolkit.frontend.windows.split_windows` cuts the items into.

    Parameters and errors are those of `load_pictures`. A picture is one window. Memory holds the result and, per
    thread, one decoded sound.
    """
    folder = _cache_folder(index, cache)
    counts = [1] * len(items)
    if index.kind != "pictures":
        counts = map_threads(lambda item: _named(index.path(item), _count, item, folder), items, progress)
    windows = [(item, number) for item, count in zip(items, counts, strict=True) for number in range(count)]
    return Windows(_pictures(index, windows, folder, progress), np.repeat(np.arange(len(items)), counts))


def load_pictures(
    index: Index, items: Sequence[Item], cache: Path | None = None, progress: Progress | None = None
) -> NDArray[np.uint8]:
    """Return the picture of each item, or of the first window of each where the items are sounds.

    A sound's windows are rendered once: they are kept in the folder `cache` (by default `default_cache()`) under the
    digests of the file and of the front end's description. Any number of processes may share a cache. An entry is
    whole or absent, and a damaged one is rendered again. `progress(done, total)` is called after every item.

    Returns
    -------
    uint8 (n, 288, 432, 3)
        Pixel values 0 to 255 in the order of `items`; about 373 kB per item.

    Raises `DatasetError` if a file cannot be read or changed since it was indexed, or the cache cannot be written.
    """
    return _pictures(index, [(item, 0) for item in items], _cache_folder(index, cache), progress)


def cache_path(folder: Path, digest: str, spec: FrontEnd = PICTURE, window: int = 0) -> Path:
    """Return where the picture of a window of the sound file with this SHA-256 digest is kept."""
    key = {"format": CACHE_FORMAT, "file": digest, "front_end": spec.digest()}
    name = digest_of(key | ({"window": window} if window else {}))
    return folder / name[:2] / f"{name}.picture"


def _cache_folder(index: Index, cache: Path | None) -> Path:
    """Return the cache's folder, without what killed processes left there."""
    folder = default_cache() if cache is None else Path(cache)
    if index.kind != "pictures":
        for shelf in folder.glob("??"):
            remove_leftovers(shelf, older_than=LEFTOVER_SECONDS)
    return folder


def _pictures(
    index: Index, windows: Sequence[tuple[Item, int]], folder: Path, progress: Progress | None
) -> NDArray[np.uint8]:
    """Return the pictures of (item, number of its window), uint8 (n, 288, 432, 3)."""
    pictures = np.empty((len(windows), *SHAPE), np.uint8)

    def fill(place: int) -> None:
        item, number = windows[place]
        path = index.path(item)
        if index.kind == "pictures":
            pictures[place] = _named(path, _read, item)
        else:
            pictures[place] = _named(path, _rendered, item, folder, number)

    map_threads(fill, range(len(windows)), progress)
    return pictures


def _named(path: Path, read: Callable[..., T], *values: Any) -> T:
    """Return `read(path, *values)`; an error names the file."""
    try:
        return read(path, *values)
    except DatasetError:
        raise
    except (GtzanetError, OSError) as error:
        raise DatasetError(f"cannot use {path}: {error}") from error


def _read(path: Path, item: Item) -> NDArray[np.uint8]:
    _check_unchanged(path, item)
    return read_png(path)


def _count(path: Path, item: Item, folder: Path) -> int:
    """Return how many windows a sound has, from the cache, or render them all and put them there."""
    kept = cache_path(folder, item.digest).with_suffix(".windows")
    with suppress(OSError, ValueError, KeyError, TypeError):
        entry = read_json(kept)
        if entry["digest"] == digest_of([item.digest, entry["windows"]]):
            return int(entry["windows"])
    windows = _split(path, item)
    for number, window in enumerate(windows):
        _rendered(path, item, folder, number, window)
    entry = {"windows": len(windows), "digest": digest_of([item.digest, len(windows)])}
    _keep(folder, kept, canonical_json(entry).encode())
    return len(windows)


def _rendered(
    path: Path, item: Item, folder: Path, number: int, window: NDArray[np.float32] | None = None
) -> NDArray[np.uint8]:
    """Return the picture of a sound's window from the cache, or render it and put it there."""
    kept = cache_path(folder, item.digest, window=number)
    if kept.is_file() and (picture := unpack(kept.read_bytes())) is not None:
        return picture
    picture = render(_split(path, item)[number] if window is None else window)
    _keep(folder, kept, pack(picture))
    return picture


def _split(path: Path, item: Item) -> list[NDArray[np.float32]]:
    _check_unchanged(path, item)
    return split_windows(load(path, PICTURE.sample_rate))


def _keep(folder: Path, target: Path, entry: bytes) -> None:
    try:
        write_bytes(target, entry)
    except OSError as error:
        raise DatasetError(f"cannot keep rendered pictures in {folder} ({error.strerror}): use --cache DIR") from error


def _check_unchanged(path: Path, item: Item) -> None:
    if file_digest(path) != item.digest:
        raise DatasetError(f"{path} changed since it was indexed: build the index again")


def pack(picture: NDArray[np.uint8]) -> bytes:
    """Return a picture as a cache entry: the SHA-256 digest of what follows, then its pixels compressed with zlib."""
    body = zlib.compress(np.ascontiguousarray(picture).tobytes(), 1)
    return hashlib.sha256(body).digest() + body


def unpack(entry: bytes) -> NDArray[np.uint8] | None:
    """Return the picture in a cache entry, or None where the entry is damaged."""
    body = entry[DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != entry[:DIGEST_BYTES]:
        return None
    try:
        return np.frombuffer(zlib.decompress(body), np.uint8).reshape(SHAPE)
    except (zlib.error, ValueError):
        return None
