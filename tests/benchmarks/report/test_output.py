"""How a result is written and printed: files first, and whatever the reader of the terminal does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.report.output import REPORT, Destination, Record, Table, named_data, publish
from tests.benchmarks.report.test_page import measured, result
from tests.benchmarks.studies.test_compare import row, write
from toolkit.errors import UsageError

ROOT = Path(__file__).parents[3]
TABLE = Table("A title", ("model",), [("m.tflite",)])


def test_the_markdown_has_command_machine_and_notes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    destination = Destination("python -m benchmarks", tmp_path / "o.json", tmp_path / "o.md")
    Record.begin().publish(destination, TABLE, ["One query at a time."], {"rows": []})
    title, grid, command, machine, *notes = (tmp_path / "o.md").read_text().rstrip("\n").split("\n\n")
    assert (title, command) == ("# A title", "`python -m benchmarks`")
    assert "| m.tflite |" in grid and machine.startswith("Machine: ") and notes[-1] == "One query at a time."
    value = json.loads((tmp_path / "o.json").read_text())
    assert value["rows"] == [] and value["notes"] == notes and value["command"] == "python -m benchmarks"
    assert machine in capsys.readouterr().out


def test_all_files_are_there_before_anything_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def printed(*_: object) -> None:
        assert {path.name for path in tmp_path.iterdir()} == {"o.json", "o.md", *REPORT}
        raise BrokenPipeError

    monkeypatch.setattr("benchmarks.report.output._print_table", printed)
    monkeypatch.setattr("benchmarks.report.output.to_nowhere", lambda stream: None)
    destination = Destination("x", tmp_path / "o.json", tmp_path / "o.md", tmp_path)
    publish(destination, TABLE, [], result([measured("b/model.tflite")]))


@pytest.mark.parametrize(("flags", "code"), [(["--fail-if-worse"], 1), ([], 0)])
@pytest.mark.parametrize("reader", ["true", "head -c 1 > /dev/null", "cat > /dev/null"])
def test_a_reader_that_goes_away_changes_no_exit_code(flags: list[str], code: int, reader: str, tmp_path: Path) -> None:
    files = [str(write(tmp_path / f"{size}.json", row(size_bytes=size))) for size in (100, 200)]
    command = [sys.executable, "-m", "benchmarks", "compare", *files, *flags, "--json", str(tmp_path / "o.json")]
    script = f'"$@" | {reader}; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(["bash", "-c", script, "bash", *command], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (f"{code}\n", "")
    assert json.loads((tmp_path / "o.json").read_text())["pairs"][0]["worse"] == ["size"]


def test_a_full_disk_is_a_failure(tmp_path: Path) -> None:
    file = str(write(tmp_path / "a.json", row()))
    command = [sys.executable, "-m", "benchmarks", "compare", file, file]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "No space left" in done.stderr


def test_a_dataset_is_a_folder_or_a_list(tmp_path: Path) -> None:
    for name in ("list.csv", "song.wav"):
        (tmp_path / name).touch()
    assert named_data(tmp_path) == tmp_path
    assert named_data(tmp_path / "list.csv") == tmp_path / "list.csv"
    for name in ("song.wav", "gone.csv"):
        with pytest.raises(UsageError, match=f"--data .*{name}: no such folder"):
            named_data(tmp_path / name)
