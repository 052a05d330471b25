"""What a network sees of an index's items: computed once, window by window, kept, and mapped into memory.

A sound's windows are one entry in the cache, under the digests of the file and of the front end. An entry is whole or
absent, so that work goes on after a kill, and any number of processes may share a cache.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.audio.decode import load
from toolkit.data.dataset import Index, Item
from toolkit.errors import DatasetError, GtzanetError, UsageError
from toolkit.files import digest_of, file_digest, remove_leftovers, write_bytes
from toolkit.frontend.features import features
from toolkit.frontend.picture import cells_in, read_png
from toolkit.frontend.picture_grid import grids_in, is_shown
from toolkit.frontend.presets import PRESETS
from toolkit.frontend.spec import PICTURE, FrontEnd
from toolkit.frontend.windows import split_windows
from toolkit.parallel import Progress, iter_threads

CACHE_FORMAT = 4
"""To be raised when an entry's layout, or what the same front end computes, changes."""
LEFTOVER_SECONDS = 3600.0
"""Writing an entry is quicker: an older temporary file is a killed process'."""
DIGEST_BYTES = 32
OF_PICTURES = (PICTURE, PRESETS["mel-grid"])
"""The front ends whose values a picture file holds as they are; see `pictures_show`."""


@dataclass(frozen=True)
class Windows:
    """What a network sees of all windows of some items, in their order.

    `values` is (windows, *spec.shape), uint8 for the layouts "picture" and "cells" and float32 for "grid"; it is a file
    mapped into memory, read-only. `clips`, int64 (windows,), holds the place of each window's item.
    """

    values: NDArray[Any]
    clips: NDArray[np.int64]

    @property
    def first(self) -> NDArray[Any]:
        """The values of each item's first window."""
        starts = np.flatnonzero(np.diff(self.clips, prepend=-1))
        return self.values if len(starts) == len(self.clips) else self.values[starts]


def pictures_show(spec: FrontEnd) -> bool:
    """Return whether a picture file holds what a front end shows of its sound."""
    return spec in OF_PICTURES or is_shown(spec)


def load_windows(
    index: Index, items: Sequence[Item], spec: FrontEnd, cache: Path | None = None, progress: Progress | None = None
) -> Windows:
    """Return what `toolkit.frontend.features` computes of every window that `split_windows` cuts the items into.

    What is computed is kept in the folder `cache` (by default `default_cache()`); a damaged entry is computed again.
    `progress(done, total)` is called after every item. Memory holds, per thread, one decoded sound and the windows of a
    few: the result lies in a file without a name in `cache`, which ends with the process.

    Raises `UsageError` if the items are pictures, which do not show what `spec` describes, and `DatasetError` if a file
    cannot be read or changed since it was indexed, or the cache cannot be written.
    """
    if index.kind == "pictures" and not pictures_show(spec):
        raise UsageError(f"{index.root} holds pictures, which have another front end than this one: use --kind audio")
    folder = default_cache() if cache is None else Path(cache)
    counts = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for shelf in folder.glob("??"):
            remove_leftovers(shelf, older_than=LEFTOVER_SECONDS)
        with tempfile.TemporaryFile(dir=folder) as packed:
            for rows in iter_threads(lambda item: _rows(index, item, spec, folder), items):
                packed.write(rows.data)
                counts.append(len(rows))
                if progress is not None:
                    progress(len(counts), len(items))
            packed.flush()
            content = mmap(packed.fileno(), 0, access=ACCESS_READ) if counts else b""
    except OSError as error:
        raise DatasetError(
            f"cannot keep features in {folder} ({error.strerror}): use --cache DIR, or set XDG_CACHE_HOME"
        ) from error
    values = np.frombuffer(content, dtype_of(spec)).reshape(-1, *spec.shape)
    return Windows(values, np.repeat(np.arange(len(items)), counts))


def default_cache() -> Path:
    """Return where features are kept: `$XDG_CACHE_HOME` or `~/.cache`, then `gtzanet-edge`."""
    home = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(home) if home else Path.home() / ".cache") / "gtzanet-edge"
    except RuntimeError:
        raise DatasetError(
            "this user has no home folder to keep features in: set XDG_CACHE_HOME or use --cache DIR"
        ) from None


def cache_path(folder: Path, digest: str, spec: FrontEnd) -> Path:
    """Return where the features of the sound file with this SHA-256 digest are kept."""
    name = digest_of({"format": CACHE_FORMAT, "file": digest, "front_end": spec.digest()})
    return folder / name[:2] / f"{name}.features"


def dtype_of(spec: FrontEnd) -> type[np.uint8 | np.float32]:
    """Return the type in which a front end's values are kept, which is exact."""
    return np.float32 if spec.layout == "grid" else np.uint8


def pack(values: NDArray[Any]) -> bytes:
    """Return windows' values as a cache entry: the SHA-256 digest of what follows, then the values as a zlib stream."""
    body = zlib.compress(values.data, 1 if values.dtype == np.uint8 else 0)  # floats would shrink little, and slowly
    return hashlib.sha256(body).digest() + body


def unpack(entry: bytes, dtype: type[np.generic], shape: tuple[int, ...]) -> NDArray[Any] | None:
    """Return the values in a cache entry, (windows, *shape), or None where the entry is damaged."""
    body = memoryview(entry)[DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != entry[:DIGEST_BYTES]:
        return None
    return np.frombuffer(zlib.decompress(body), dtype).reshape(-1, *shape)


def read_entry(path: Path, dtype: type[np.generic], shape: tuple[int, ...]) -> NDArray[Any] | None:
    """Return the values in a cache entry, or None where there is none that is whole."""
    try:
        return unpack(path.read_bytes(), dtype, shape) if path.is_file() else None
    except (FileNotFoundError, PermissionError):
        return None


def _rows(index: Index, item: Item, spec: FrontEnd, folder: Path) -> NDArray[Any]:
    """Return the values of an item's windows from the cache, or compute them and put them there."""
    path, entry = index.path(item), cache_path(folder, item.digest, spec)
    if index.kind != "pictures" and (values := read_entry(entry, dtype_of(spec), spec.shape)) is not None:
        return values
    try:
        if file_digest(path) != item.digest:
            raise DatasetError("it changed since it was indexed: build the index again")
        values = _picture(path, spec) if index.kind == "pictures" else _sound(path, spec)
    except (GtzanetError, OSError) as error:
        raise DatasetError(f"cannot use {path}: {str(error).removeprefix(f'{path}: ')}") from error
    if index.kind != "pictures":
        write_bytes(entry, pack(values), durable=False)  # a damaged one is computed again
    return values


def _picture(path: Path, spec: FrontEnd) -> NDArray[Any]:
    picture = read_png(path)
    if spec.layout == "grid":
        return grids_in(picture, spec)
    return (picture if spec == PICTURE else cells_in(picture))[np.newaxis]


def _sound(path: Path, spec: FrontEnd) -> NDArray[Any]:
    windows = split_windows(load(path, spec.sample_rate), spec)
    values = np.empty((len(windows), *spec.shape), dtype_of(spec))
    for number, window in enumerate(windows):
        values[number] = features(window, spec)
    return values
