"""A part of a file as bytes of which only a block is in memory."""

from __future__ import annotations

from typing import BinaryIO

_BLOCK = 1 << 18
"""Bytes that are read at once."""


class Slices:
    """The bytes from `start` to `end` of a file, by slices and `find` as those of `bytes`; slices must be short."""

    def __init__(self, file: BinaryIO, start: int, end: int) -> None:
        self.file, self.start = file, start
        self._size = max(0, min(end, file.seek(0, 2)) - start)
        self._at, self._block = 0, b""

    def __len__(self) -> int:
        """Return the number of bytes."""
        return self._size

    def __getitem__(self, part: slice) -> bytes:
        """Return the bytes of a slice whose offsets are not negative and whose step is 1."""
        first, last = part.start or 0, self._size if part.stop is None else min(part.stop, self._size)
        if first < self._at or last > self._at + len(self._block):
            self._load(first)
        return self._block[first - self._at : max(first, last) - self._at]

    def find(self, byte: bytes, at: int) -> int:
        """Return the offset of the first such byte from an offset on, -1 where there is none."""
        while at < self._size:
            if not self._at <= at < self._at + len(self._block):
                self._load(at)
            place = self._block.find(byte, at - self._at)
            if place >= 0:
                return self._at + place
            at = self._at + len(self._block)
        return -1

    def _load(self, at: int) -> None:
        self.file.seek(self.start + at)
        self._at, self._block = at, self.file.read(max(0, min(_BLOCK, self._size - at)))
