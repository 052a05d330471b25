"""The pictures of an index's items: read where they are pictures, rendered once and kept where they are sounds."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.audio.decode import load
from toolkit.data.dataset import Index, Item
from toolkit.errors import DatasetError, GtzanetError
from toolkit.files import digest_of, file_digest, remove_leftovers, write_bytes
from toolkit.frontend.picture import read_png, render
from toolkit.frontend.spec import PICTURE, FrontEnd
from toolkit.frontend.windows import split_windows
from toolkit.parallel import Progress, map_threads

CACHE_FORMAT = 2
"""To be raised when an entry's layout, or what the same front-end description draws, changes."""
LEFTOVER_SECONDS = 3600.0
"""No entry takes so long to write: an older temporary file is a killed process'."""
SHAPE = (288, 432, 3)
DIGEST_BYTES = 32


def default_cache() -> Path:
    """Return where rendered pictures are kept: `$XDG_CACHE_HOME` or `~/.cache`, then `gtzanet-edge`.

    Raises
    ------
    DatasetError
        If this user has no home folder.
    """
    home = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(home) if home else Path.home() / ".cache") / "gtzanet-edge"
    except RuntimeError:
        raise DatasetError(
            "this user has no home folder to keep rendered pictures in: set XDG_CACHE_HOME or use --cache DIR"
        ) from None


def load_pictures(
    index: Index, items: Sequence[Item], cache: Path | None = None, progress: Progress | None = None
) -> NDArray[np.uint8]:
    """Return the items' pictures.

    Pictures are read. Of a sound, the first window that `toolkit.frontend.windows.split_windows` gives is rendered (the
    whole clip where it is about 30 s long, its first 30 s where it is longer). That is done once: the result is kept in
    `cache` under the digests of the file and of the front end's description. Any number of processes may share a
    cache; an entry is whole or absent, and a damaged one is rendered again.

    Parameters
    ----------
    items
        Items of `index`, in the order wanted.
    cache
        Folder of rendered pictures; `default_cache()` where None. Not used for an index of pictures.
    progress
        Called as `progress(done, total)` after every item.

    Returns
    -------
    uint8 (n, 288, 432, 3)
        Pixel values 0 to 255; about 373 kB an item.

    Raises
    ------
    DatasetError
        If a file cannot be read or changed since it was indexed, or the cache cannot be written.
    """
    folder = default_cache() if cache is None else Path(cache)
    if index.kind != "pictures":
        for shelf in folder.glob("??"):
            remove_leftovers(shelf, older_than=LEFTOVER_SECONDS)
    pictures = np.empty((len(items), *SHAPE), np.uint8)

    def fill(number: int) -> None:
        item = items[number]
        path = index.path(item)
        try:
            pictures[number] = _read(path, item) if index.kind == "pictures" else _rendered(path, item, folder)
        except DatasetError:
            raise
        except (GtzanetError, OSError) as error:
            raise DatasetError(f"cannot use {path}: {error}") from error

    map_threads(fill, range(len(items)), progress)
    return pictures


def cache_path(folder: Path, digest: str, spec: FrontEnd = PICTURE) -> Path:
    """Return where the picture of the sound file with this SHA-256 digest is kept."""
    key = digest_of({"format": CACHE_FORMAT, "file": digest, "front_end": spec.digest()})
    return folder / key[:2] / f"{key}.picture"


def _read(path: Path, item: Item) -> NDArray[np.uint8]:
    _check_unchanged(path, item)
    return read_png(path)


def _rendered(path: Path, item: Item, folder: Path) -> NDArray[np.uint8]:
    """Return a sound's picture from the cache, or render it and put it there."""
    kept = cache_path(folder, item.digest)
    if kept.is_file():
        picture = unpack(kept.read_bytes())
        if picture is not None:
            return picture
    _check_unchanged(path, item)
    picture = render(split_windows(load(path, PICTURE.sample_rate))[0])
    try:
        write_bytes(kept, pack(picture))
    except OSError as error:
        raise DatasetError(f"cannot keep rendered pictures in {folder} ({error.strerror}): use --cache DIR") from error
    return picture


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
