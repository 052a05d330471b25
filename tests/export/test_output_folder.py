"""Two exports into one folder, in real processes: the second waits, a killed one holds no lock, and what is stale."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from export.output_folder import LOCK_NAME, locked, report_other_runs
from runtime import Classifier
from toolkit.artifact.file import read_card
from toolkit.data.run_folder import Run

ROOT = Path(__file__).parents[2]
HOLDER = """
import sys
from pathlib import Path
from export.output_folder import locked
with locked(Path(sys.argv[1]), lambda line: print(line, flush=True)):
    print("locked", flush=True)
    sys.exit(int(sys.stdin.readline()))
"""
Start = Callable[[Path], subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Return a function that starts a process which locks a folder until it reads its exit code."""
    with ExitStack() as stack:

        def started(folder: Path) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-c", HOLDER, str(folder)],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield started


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip()


def end(process: subprocess.Popen[str], code: int = 0) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{code}\n")
    process.stdin.flush()
    assert process.wait(60) == code


def waiting(holder: subprocess.Popen[str], folder: Path) -> str:
    return f"waiting until process {holder.pid} has finished its export to {folder}"


def test_the_second_waits_and_says_for_whom(start: Start, tmp_path: Path) -> None:
    first = start(tmp_path)
    assert line(first) == "locked"
    second = start(tmp_path)
    assert line(second) == waiting(first, tmp_path)
    end(first)
    assert line(second) == "locked"
    assert (tmp_path / LOCK_NAME).read_text() == str(second.pid)
    end(second)
    assert list(tmp_path.iterdir()) == []


def test_a_killed_export_frees_the_folder(start: Start, tmp_path: Path) -> None:
    first = start(tmp_path)
    assert line(first) == "locked"
    second = start(tmp_path)
    assert line(second) == waiting(first, tmp_path)
    first.send_signal(signal.SIGKILL)
    assert line(second) == "locked"
    second.send_signal(signal.SIGKILL)
    second.wait(60)
    assert (tmp_path / LOCK_NAME).read_text() == str(second.pid)  # what it left is no lock
    third = start(tmp_path)
    assert line(third) == "locked"
    end(third)
    assert list(tmp_path.iterdir()) == []


def test_a_first_that_fails_leaves_the_folder_to_the_second(start: Start, tmp_path: Path) -> None:
    """The first created the folder and removes it when it is empty: the second creates it again, and a third waits."""
    folder = tmp_path / "new"
    first = start(folder)
    assert line(first) == "locked"
    second = start(folder)
    assert line(second) == waiting(first, folder)
    end(first, code=1)
    assert line(second) == "locked"
    third = start(folder)
    assert line(third) == waiting(second, folder)
    end(second)
    assert line(third) == "locked"
    end(third)


def test_one_process_locks_a_folder_that_it_has_left(tmp_path: Path) -> None:
    lines: list[str] = []
    for _ in range(2):
        with locked(tmp_path / "out", lines.append):
            assert (tmp_path / "out" / LOCK_NAME).read_text() == str(os.getpid())
    assert lines == []


def test_what_a_killed_export_left_is_removed_and_reported(tmp_path: Path) -> None:
    names = (".a-int8.x1.gtzanet-tmp.tflite", ".a-int8.x2.gtzanet-tmp.onnx", ".table.x3.gtzanet-tmp.json", "a.tflite")
    for name in names:
        (tmp_path / name).write_bytes(b"")
    lines: list[str] = []
    with locked(tmp_path, lines.append):
        assert {path.name for path in tmp_path.iterdir()} == {*names[2:], LOCK_NAME}
    assert lines == [f"removed what a killed export left in {tmp_path}: 2 temporary files"]


@pytest.mark.slow
def test_files_of_another_run_are_replaced_or_stale(artifacts: Path, tmp_path: Path) -> None:
    names = ("gtzanet-float32.tflite", "gtzanet-int8.tflite", "gtzanet-int8.onnx")
    for name in names:
        shutil.copyfile(artifacts / name, tmp_path / name)
    (tmp_path / "other.tflite").write_bytes(b"no model")
    replaced, *stale = (tmp_path / name for name in names)
    own = read_card(replaced).run_digest

    def lines(model: str, run_digest: str) -> set[str]:
        reported: list[str] = []
        report_other_runs([replaced, tmp_path / "gtzanet-float16.tflite"], model, run_digest, reported.append)
        assert len(reported) == len(set(reported))
        return set(reported)

    assert lines("gtzanet", own) == set()
    replacing = f"replacing {replaced}, which is of another run"
    assert lines("zfnet", "0" * 64) == {replacing}
    expected = {f"stale: {path} is of another run of gtzanet: export that file too, or remove it" for path in stale}
    assert lines("gtzanet", "0" * 64) == {replacing, *expected}


@pytest.mark.slow
def test_an_export_waits_for_another_and_succeeds(start: Start, run_folder: Path, tmp_path: Path) -> None:
    first = start(tmp_path)
    assert line(first) == "locked"
    command = [sys.executable, "-m", "export", str(run_folder), "--output", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        assert any(waiting(first, tmp_path) in text for text in lines), "it ended without waiting"
        assert {path.name for path in tmp_path.iterdir()} == {LOCK_NAME}
        end(first)
        rest = "".join(lines)
    assert process.returncode == 0, rest
    (path,) = tmp_path.iterdir()
    assert Classifier.load(path).card.run_digest == Run.load(run_folder).config["digest"]
