"""A long file's bytes by slices: what `bytes` would give, with one block in memory."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from toolkit.audio import mp3, slices
from toolkit.audio.slices import Slices


@given(
    st.binary(max_size=60),
    st.integers(0, 20),
    st.integers(0, 70),
    st.lists(st.tuples(st.booleans(), st.integers(0, 65), st.integers(0, 7)), max_size=12),
)
def test_slices_are_those_of_bytes(data: bytes, start: int, end: int, reads: list[tuple[bool, int, int]]) -> None:
    part, block = data[start:end], slices._BLOCK
    slices._BLOCK = 8
    try:
        view = Slices(io.BytesIO(data), start, end)
        assert len(view) == len(part)
        for is_search, at, length in reads:
            if is_search:
                assert view.find(bytes([length]), at) == part.find(bytes([length]), at)
            else:
                assert view[at : at + length] == part[at : at + length]
    finally:
        slices._BLOCK = block


def test_the_frames_of_a_long_file_are_counted_in_little_memory(tmp_path: Path) -> None:
    frame = b"\xff\xfb\x90\x00" + bytes(413)  # MPEG 1, layer III, 128 kbit/s, 44,100 Hz
    path = tmp_path / "long.mp3"
    with path.open("wb") as file:
        for _ in range(40):
            file.write(frame * 1000)
    tracemalloc.start()
    with path.open("rb") as file:
        (recording,) = mp3.recordings(file, 0, path.stat().st_size)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (recording.start, recording.end) == (0, path.stat().st_size) and peak < 2e6
