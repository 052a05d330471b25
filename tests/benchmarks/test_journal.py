"""What a benchmark keeps while it runs: whole notes, of this benchmark only."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.journal import Journal


def test_notes_are_there_for_an_equal_benchmark_only(tmp_path: Path) -> None:
    path = tmp_path / "o.json.unfinished"
    first = Journal(path, {"threads": 1})
    assert first.begun == 0
    first.note("accuracy", "a.tflite", {"n": 3})
    first.note("round", "network", [0.1])
    first.note("accuracy", "a.tflite", {"n": 4})
    second = Journal(path, {"threads": 1})
    assert second.begun == 3
    assert second.found("accuracy", "a.tflite") == {"n": 4}
    assert second.found("accuracy", "b.tflite") is None
    assert second.all("round") == [[0.1]]
    other = Journal(path, {"threads": 2})
    assert other.begun == 0 and other.found("accuracy", "a.tflite") is None
    assert Journal(path, {"threads": 1}).begun == 0, "the other one's took its place"


def test_the_end_removes_them(tmp_path: Path) -> None:
    path = tmp_path / "o.unfinished"
    journal = Journal(path, {})
    journal.note("a", "b", 1)
    assert path.exists()
    journal.finish()
    assert not path.exists()


def test_without_a_path_they_are_kept_in_memory() -> None:
    journal = Journal()
    journal.note("a", "b", 1)
    assert journal.found("a", "b") == 1 and journal.begun == 0
    journal.finish()


@given(st.integers(0, 400), st.one_of(st.binary(max_size=30), st.sampled_from([b"3\n", b"{}\n", b"\nnull\n"])))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_cut_or_damaged_file_gives_whole_notes(tmp_path: Path, length: int, tail: bytes) -> None:
    path = tmp_path / "o.unfinished"
    path.unlink(missing_ok=True)
    journal = Journal(path, {})
    for number in range(5):
        journal.note("kind", "name", number)
    path.write_bytes(path.read_bytes()[:length] + tail)
    again = Journal(path, {})
    assert again.all("kind") == list(range(again.begun)) or tail
    again.note("kind", "name", "more")
    assert Journal(path, {}).all("kind")[-1] == "more"
