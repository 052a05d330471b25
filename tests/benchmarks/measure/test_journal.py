"""What a benchmark keeps while it runs: whole notes, of this benchmark only."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.measure.journal import Journal
from toolkit.errors import UsageError


def test_notes_are_there_for_an_equal_benchmark_only(tmp_path: Path) -> None:
    path = tmp_path / "o.json.unfinished"
    first = Journal(path, {"threads": 1})
    assert first.begun == 0
    first.note("accuracy", "a.tflite", {"n": 3})
    first.note("round", "network", [0.1])
    first.note("accuracy", "a.tflite", {"n": 4})
    second = Journal(path, {"threads": 1})
    assert second.begun == 3
    assert second.last("accuracy", "a.tflite") == {"n": 4}
    assert second.last("accuracy", "b.tflite") is None
    assert second.all("round") == [[0.1]]
    before = path.read_bytes()
    with pytest.raises(UsageError, match=r"o\.json\.unfinished: holds what a benchmark of other .* remove this file"):
        Journal(path, {"threads": 2})
    assert path.read_bytes() == before


def test_a_file_of_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "o.json.unfinished"
    for content in ("my own notes\n", "", "[" * 100_000 + "\n", '{"a": 1}\n'):
        path.write_text(content)
        with pytest.raises(UsageError, match="something else: move it away"):
            Journal(path, {})
        assert path.read_text() == content


def test_there_is_no_file_before_the_first_note(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "o.unfinished", {})
    assert journal.path is None
    journal.finish()
    assert list(tmp_path.iterdir()) == []


def test_notes_that_do_not_fit_their_digests_are_not_heeded(tmp_path: Path) -> None:
    path = tmp_path / "o.unfinished"
    journal = Journal(path, {})
    for number in range(3):
        journal.note("round", "network", {"times": {"a": [number]}})
    for old, new in (('"a": [1]', '"a": [-5]'), ('"a": [1]', '"b": [1]'), ('"kind": "round"', '"kind": "fresh"')):
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join([*lines[:2], lines[2].replace(old, new), *lines[3:]]))
        assert Journal(path, {}).all("round") == [{"times": {"a": [0]}}]
        path.write_text("".join(lines))


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
    assert journal.last("a", "b") == 1 and journal.begun == 0
    journal.finish()


@given(st.integers(0, 900), st.one_of(st.binary(max_size=30), st.sampled_from([b"3\n", b"{}\n", b"\nnull\n"])))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_cut_or_damaged_file_has_whole_notes(tmp_path: Path, length: int, tail: bytes) -> None:
    path = tmp_path / "o.unfinished"
    path.unlink(missing_ok=True)
    journal = Journal(path, {})
    for number in range(5):
        journal.note("kind", "name", number)
    whole = path.read_bytes()
    if length <= whole.index(b"\n"):  # the head is written at once with the first note, and never half
        return
    path.write_bytes(whole[:length] + tail)
    again = Journal(path, {})
    assert again.all("kind") == list(range(again.begun))
    again.note("kind", "name", "more")
    assert Journal(path, {}).all("kind")[-1] == "more"
