"""A part of a file that reads like a file of its own, with some bytes replaced and a length of its own."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path


class View(io.RawIOBase):
    """The bytes from `start` to `end` of a file.

    Parameters
    ----------
    path
        The file.
    start, end
        Its first byte, and the one after its last.
    replaced
        Bytes that stand in the place of the file's own, by their offset in the file.
    stated_size
        The size that `seek` to the end reports, where it is not `end - start`.
    """

    def __init__(
        self, path: Path, start: int, end: int, replaced: Mapping[int, bytes], stated_size: int | None = None
    ) -> None:
        self._file = path.open("rb")
        self._start, self._end, self._replaced = start, end, replaced
        self._stated_size = end - start if stated_size is None else stated_size
        self._at = 0

    @property
    def ended(self) -> bool:
        """Whether nothing is left to read."""
        return self._start + self._at >= self._end

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the offset of the next byte, counted from `start`."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to an offset as `io.IOBase.seek` does, and return it."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._stated_size}[whence]
        self._at = max(0, origin + offset)
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill a buffer with the next bytes, and return how many there are."""
        first = self._start + self._at
        if self._end < first < self._start + self._stated_size:  # a decoder looks for a tag at the end
            buffer[:] = bytes(len(buffer))
            return len(buffer)
        self._file.seek(first)
        data = bytearray(self._file.read(max(0, min(len(buffer), self._end - first))))
        for offset, replacement in self._replaced.items():
            low, high = max(offset, first), min(offset + len(replacement), first + len(data))
            if low < high:
                data[low - first : high - first] = replacement[low - offset : high - offset]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()
