"""The recordings of an MPEG audio file (MP3, MP2): where its frames begin, and whether a header states how many follow.

A frame's header is that of ISO/IEC 11172-3, section 2.4.1.3, with MPEG 2.5's rates; Xing's, LAME's ("Info") and
Fraunhofer's ("VBRI") headers lie in the first frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO, NamedTuple

from toolkit.audio.recording import ID3, Recording, after_id3

SEARCHED = 1 << 16
"""How many bytes that are no frames may stand before the first one."""
_MAX_BYTES = 1 << 28
_STRETCH = 32
"""A file's true length may be 20 times the estimate from its first frame (8 to 160 kbit/s): this is above that."""
_RUN = 4
"""So many frames of one kind that follow each other are no accident."""
_LONGEST = 16_384
"""Bytes that a run of frames and its headers may take."""
_GAP = 1024
"""A decoder gives up after so many bytes that are no frame."""
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
"""Samples a second, by the version's bits: MPEG 1, 2 and 2.5."""
_KILOBITS = {
    (True, 3): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 1): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 3): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 1): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Kilobits a second, by whether it is MPEG 1 and the layer's bits: layers I, II and III."""


class Frame(NamedTuple):
    """A frame's place and size in bytes, and what may not change within a recording: version, layer, rate, channels."""

    at: int
    size: int
    kind: tuple[int, int, int, bool]


class _Run(NamedTuple):
    """Frames in a row: offsets, whether a header states how many there are, and where it says that they end."""

    start: int
    end: int
    exact: bool
    limit: int
    kind: tuple[int, int, int, bool]


def frame_at(data: bytes, at: int) -> Frame | None:
    """Return the frame whose header stands at an offset, None where there is none or one of free format."""
    header = data[at : at + 4]
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer, rate_index, bit_index = header[1] >> 3 & 3, header[1] >> 1 & 3, header[2] >> 2 & 3, header[2] >> 4
    if version == 1 or layer == 0 or rate_index == 3 or bit_index in (0, 15):
        return None
    rate = _RATES[version][rate_index]
    bits = 1000 * _KILOBITS[version == 3, layer][bit_index - 1]
    padding = header[2] >> 1 & 1
    if layer == 3:
        size = 4 * (12 * bits // rate + padding)
    else:
        size = (144 if version == 3 or layer == 2 else 72) * bits // rate + padding
    return Frame(at, size, (version, layer, rate, header[3] >> 6 == 3))


def recordings(file: BinaryIO, start: int, end: int) -> list[Recording]:
    """Return the recordings between two offsets of a file; none where no frames are near the beginning."""
    data = _read(file, start, min(end, start + SEARCHED + _LONGEST))
    first = next(_frames(data, 0, SEARCHED), None)
    if first is None:
        return []
    frames, size = _stated_length(data, first)
    if frames and size and not any(_frames(_read(file, start + first.at + size, end))):
        return [Recording(start + first.at if first.at else 0, end)]
    data = _read(file, start, end)
    return [
        Recording(
            start + run.start,
            start + run.end,
            run.exact,
            stated_size=None if run.exact else _STRETCH * (run.end - run.start),
        )
        for run in _runs(data, first.at)
    ]


def _read(file: BinaryIO, start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(max(0, min(end - start, _MAX_BYTES)))


def _runs(data: bytes, at: int) -> Iterator[_Run]:
    """Yield the runs of whole frames that belong together; a decoder must begin afresh at each."""
    run: _Run | None = None
    for frame in _frames(data, at):
        after = frame.at + frame.size
        if after > len(data):
            break
        frames, size = _stated_length(data, frame)
        if run and not frames and frame.kind == run.kind and frame.at <= run.end + _GAP and frame.at < run.limit:
            run = run._replace(end=after)
            continue
        if run:
            yield run
        run = _Run(frame.at, after, frames > 0, frame.at + size if size else len(data), frame.kind)
    if run:
        yield run


def _frames(data: bytes, at: int = 0, last: int = _MAX_BYTES) -> Iterator[Frame]:
    """Yield the frames from an offset on, the first before `last`; tags and garbage between them are passed over."""
    joined = False
    last = min(last, len(data))
    while 0 <= at < last:
        frame = frame_at(data, at)
        if frame is not None and (joined or _is_run(data, frame)):
            yield frame
            at, joined, last = at + frame.size, True, len(data)
            continue
        joined = False
        tagged = _after_tag(data, at)
        at = data.find(b"\xff", at + 1) if tagged is None else tagged


def _after_tag(data: bytes, at: int) -> int | None:
    """Return where an ID3v2 tag ends that begins at an offset, None where none does."""
    if data[at : at + 3] != ID3:
        return None
    after = after_id3(BytesIO(data), at)
    return after if after > at else None


def _is_run(data: bytes, frame: Frame) -> bool:
    """Return whether as many frames of one kind as `_RUN` begin with this one."""
    following: Frame | None = frame
    for _ in range(_RUN - 1):
        if following is None:
            return False
        following = frame_at(data, following.at + following.size)
        if following is None or following.kind != frame.kind:
            return False
    return True


def _stated_length(data: bytes, frame: Frame) -> tuple[int, int]:
    """Return how many frames and bytes the Xing, Info or VBRI header in a frame states, 0 where it does not."""
    version, _, _, is_mono = frame.kind
    at = frame.at + 4 + ((17 if is_mono else 32) if version == 3 else (9 if is_mono else 17))
    if data[at : at + 4] in (b"Xing", b"Info"):
        flags, frames, size = (int.from_bytes(data[at + 4 * n : at + 4 * n + 4], "big") for n in (1, 2, 3))
        if not flags & 1:
            return 0, 0
        return frames, size if flags & 2 else 0
    if data[frame.at + 36 : frame.at + 40] == b"VBRI":
        size, frames = (int.from_bytes(data[frame.at + n : frame.at + n + 4], "big") for n in (46, 50))
        return frames, size
    return 0, 0
