"""The recordings of an MPEG audio file (MP3, MP2): where its frames begin, and whether a header states how many follow.

A frame's header is that of ISO/IEC 11172-3, section 2.4.1.3, with MPEG 2.5's rates; Xing's and LAME's ("Info") headers
lie in the first frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from toolkit.audio.recording import ID3, Recording, after_id3
from toolkit.audio.slices import Slices

SEARCHED = 1 << 20
"""How many bytes that are no frames may stand before the first one."""
_STRETCH = 32
"""A file's true length may be 20 times the estimate from its first frame (8 to 160 kbit/s): this is above that."""
_RUN = 4
"""So many frames of one kind that follow each other are no accident."""
_LONGEST = 16_384
"""Slices that a run of frames and its headers may take."""
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
    """Frames in a row: offsets, kind, how many; and how many frames and bytes its header states, or 0."""

    start: int
    end: int
    kind: tuple[int, int, int, bool]
    frames: int = 1
    stated: int = 0
    stated_bytes: int = 0

    @property
    def states_length(self) -> bool:
        """Whether the header states how many frames there are; not where all its bytes are there and fewer frames."""
        size = self.end - self.start
        is_whole = 0 < self.stated_bytes <= size + 2 * size // self.frames
        return self.stated > 0 and not (is_whole and self.frames < self.stated)


def frame_at(data: bytes | Slices, at: int) -> Frame | None:
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
    data = Slices(file, start, min(end, start + SEARCHED + _LONGEST))
    first = next(_frames(data, 0, SEARCHED), None)
    if first is None:
        return [_estimated(start, end)] if _is_free_format(data) else []
    runs = _runs(Slices(file, start, end), first.at)
    if len(runs) == 1 and runs[0].states_length:
        return [Recording(start + first.at if first.at else 0, end)]
    return [(Recording if run.states_length else _estimated)(start + run.start, start + run.end) for run in runs] or [
        _estimated(start + first.at, end)
    ]


def _estimated(start: int, end: int) -> Recording:
    """Return a recording whose decoder believes in a greater length than there can be, and so reads to the end."""
    return Recording(start, end, exact=False, stated_size=_STRETCH * (end - start))


def _is_free_format(data: Slices) -> bool:
    """Return whether a header of layer III is at the beginning that leaves the bit rate open."""
    head = data[:3]
    return len(head) > 2 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2 and head[2] >> 4 == 0


def _runs(data: Slices, at: int) -> list[_Run]:
    """Return the runs of whole frames that belong together; a decoder must begin afresh at each.

    A run ends where the kind changes, another header stands, so many bytes are no frames that a decoder gives up, or
    all frames are there that its header states; a header may state one more or less.
    """
    runs: list[_Run] = []
    for frame in _frames(data, at):
        after = frame.at + frame.size
        if after > len(data):
            break
        stated, size = _stated_length(data, frame)
        run = runs[-1] if runs else None
        if run and not stated and frame.kind == run.kind and _continues(data, run, frame.at):
            runs[-1] = run._replace(end=after, frames=run.frames + 1)
        else:
            runs.append(_Run(frame.at, after, frame.kind, 1, stated, size))
    return [run for number, run in enumerate(runs) if number == 0 or run.frames >= _RUN]


def _continues(data: Slices, run: _Run, at: int) -> bool:
    """Return whether a decoder that reads a run comes to a frame: not over a tag, a long gap, or the stated end."""
    is_whole = run.stated and run.frames > run.stated
    return not is_whole and at <= run.end + _GAP and data[run.end : run.end + len(ID3)] != ID3


def _frames(data: Slices, at: int = 0, last: int | None = None) -> Iterator[Frame]:
    """Yield the frames from an offset on, the first before `last`; tags and garbage between them are passed over."""
    joined = False
    last = len(data) if last is None else min(last, len(data))
    while 0 <= at < last:
        frame = frame_at(data, at)
        if frame is not None and (joined or _is_run(data, frame)):
            yield frame
            at, joined, last = at + frame.size, True, len(data)
            continue
        joined = False
        tagged = _after_tag(data, at)
        at = data.find(b"\xff", at + 1) if tagged is None else tagged


def _after_tag(data: Slices, at: int) -> int | None:
    """Return where an ID3v2 tag ends that begins at an offset, None where none does."""
    if data[at : at + 3] != ID3:
        return None
    after = after_id3(data.file, data.start + at) - data.start
    return after if at < after <= len(data) else None


def _is_run(data: Slices, frame: Frame) -> bool:
    """Return whether as many frames of one kind as `_RUN` begin with this one."""
    following: Frame | None = frame
    for _ in range(_RUN - 1):
        if following is None:
            return False
        following = frame_at(data, following.at + following.size)
        if following is None or following.kind != frame.kind:
            return False
    return True


def _stated_length(data: Slices, frame: Frame) -> tuple[int, int]:
    """Return how many frames and bytes the Xing or Info header in a frame states, 0 where it does not.

    A VBRI header is none for this: the decoder does not use it.
    """
    version, _, _, is_mono = frame.kind
    at = frame.at + 4 + ((17 if is_mono else 32) if version == 3 else (9 if is_mono else 17))
    if data[at : at + 4] not in (b"Xing", b"Info"):
        return 0, 0
    flags, frames, size = (int.from_bytes(data[at + 4 * n : at + 4 * n + 4], "big") for n in (1, 2, 3))
    if not flags & 1:
        return 0, 0
    return frames, size if flags & 2 else 0
