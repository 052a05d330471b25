"""The recordings of a file of chunks: WAV (RIFF, RIFX, RF64) and AIFF (FORM).

A recorder that is cut off leaves a size of 0 with samples behind it, and a program that writes to a pipe one that is
far too large. Several files may follow each other, and a WAV file may hold MP3.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import BinaryIO, Literal, NamedTuple

from toolkit.audio.recording import CUT_OFF, Recording

UNKNOWN_SIZE = 0x7FFF0000
"""Programs that do not know a size write this or more."""
_FORMS = {b"RIFF": b"WAVE", b"RIFX": b"WAVE", b"RF64": b"WAVE", b"FORM": b"AIFF"}
_MPEG_TAGS = (0x50, 0x55)
_MAX_SIZE = 0xFFFFFFFE


class _Chunk(NamedTuple):
    """A chunk's name, the offset of its content, and the size that its header states."""

    name: bytes
    at: int
    size: int

    def has_name(self) -> bool:
        """Return whether its name is one, and not samples."""
        return self.name.isascii() and self.name.decode().isprintable()


class _Form(NamedTuple):
    """A file of chunks within the file: its first byte, its kind, and the size that its header states."""

    start: int
    magic: bytes
    size: int

    @property
    def order(self) -> Literal["little", "big"]:
        return "big" if self.magic in (b"RIFX", b"FORM") else "little"


def recordings(file: BinaryIO, start: int, end: int) -> list[Recording]:
    """Return the recordings between two offsets of a file; one for each file of chunks that begins where one ends."""
    parts: list[Recording] = []
    form = _form_at(file, start)
    while form is not None:
        following = form.start + 8 + form.size + form.size % 2
        after = _form_at(file, following) if following < end else None
        parts += _recordings_in(file, form, following if after else end)
        form = after
    file.seek(start + 8)
    return parts or [Recording(0, end, by_ffmpeg=file.read(4) == b"AVI ")]


def _form_at(file: BinaryIO, at: int) -> _Form | None:
    file.seek(at)
    head = file.read(12)
    kind = head[8:12].replace(b"AIFC", b"AIFF")
    if len(head) < 12 or _FORMS.get(head[:4]) != kind:
        return None
    form = _Form(at, head[:4], 0)
    return form._replace(size=int.from_bytes(head[4:8], form.order))


def _recordings_in(file: BinaryIO, form: _Form, end: int) -> list[Recording]:
    """Return the recordings of one file of chunks that ends at an offset."""
    whole = Recording(form.start, end)
    before: dict[bytes, _Chunk] = {}
    renamed: dict[int, bytes] = {}
    for chunk in _chunks(file, form, form.start + 12, end):
        if _is_empty_before_another(file, form, chunk, end):
            renamed[chunk.at - 8] = b"JUNK"  # a decoder reads the first chunk of this name alone
        elif chunk.name in (b"data", b"SSND"):
            break
        before[chunk.name] = chunk
    else:
        return [whole]
    whole = whole._replace(replaced=renamed)
    header = 8 if chunk.name == b"SSND" else 0  # an AIFF file's samples stand behind an offset and a block size
    there = end - chunk.at
    stated = _stated_size(file, form, chunk, before)
    is_cut_off = stated <= header < there and not _are_chunks(file, form, chunk.at + stated, end)
    if is_cut_off or there < stated >= UNKNOWN_SIZE:
        sizes = dict(_sizes(file, form, chunk, before, end))
        whole = whole._replace(replaced=renamed | sizes, warning=CUT_OFF if is_cut_off else "")
        stated = there
    if _is_mpeg(file, form, before):
        from toolkit.audio import mp3

        return mp3.recordings(file, chunk.at, min(end, chunk.at + stated)) or [whole]
    return [whole]


def _chunks(file: BinaryIO, form: _Form, at: int, end: int) -> Iterator[_Chunk]:
    while at + 8 <= end:
        file.seek(at)
        head = file.read(8)
        chunk = _Chunk(head[:4], at + 8, int.from_bytes(head[4:8], form.order))
        yield chunk
        at = chunk.at + chunk.size + chunk.size % 2


def _is_empty_before_another(file: BinaryIO, form: _Form, chunk: _Chunk, end: int) -> bool:
    """Return whether a chunk of sound is empty and another one follows among the chunks behind it."""
    if chunk.name != b"data" or chunk.size > 0:
        return False
    chunks = takewhile(_Chunk.has_name, _chunks(file, form, chunk.at, end))
    return any(other.name == b"data" and other.size > 0 for other in chunks)


def _are_chunks(file: BinaryIO, form: _Form, at: int, end: int) -> bool:
    """Return whether there are chunks and nothing else from an offset to the end."""
    return all(chunk.has_name() and chunk.at + chunk.size <= end + 1 for chunk in _chunks(file, form, at, end))


def _stated_size(file: BinaryIO, form: _Form, chunk: _Chunk, before: dict[bytes, _Chunk]) -> int:
    """Return the size of the sound's chunk; an RF64 file states it in another one."""
    if form.magic != b"RF64" or b"ds64" not in before:
        return chunk.size
    file.seek(before[b"ds64"].at + 8)
    return int.from_bytes(file.read(8), "little")


def _sizes(
    file: BinaryIO, form: _Form, chunk: _Chunk, before: dict[bytes, _Chunk], end: int
) -> Iterator[tuple[int, bytes]]:
    """Yield what must stand in the headers of a file whose sound goes on to its end, by offset."""
    there = end - chunk.at
    if form.magic == b"RF64" and b"ds64" in before:
        yield before[b"ds64"].at, (end - form.start - 8).to_bytes(8, "little") + there.to_bytes(8, "little")
        return
    yield form.start + 4, min(end - form.start - 8, _MAX_SIZE).to_bytes(4, form.order)
    yield chunk.at - 4, min(there, _MAX_SIZE).to_bytes(4, form.order)
    if b"COMM" in before:
        file.seek(before[b"COMM"].at)
        common = file.read(8)
        channels, bits = int.from_bytes(common[:2], "big"), int.from_bytes(common[6:8], "big")
        frames = (there - 8) // max(1, channels * -(-bits // 8))
        yield before[b"COMM"].at + 2, frames.to_bytes(4, "big")


def _is_mpeg(file: BinaryIO, form: _Form, before: dict[bytes, _Chunk]) -> bool:
    if b"fmt " not in before:
        return False
    file.seek(before[b"fmt "].at)
    return int.from_bytes(file.read(2), form.order) in _MPEG_TAGS
