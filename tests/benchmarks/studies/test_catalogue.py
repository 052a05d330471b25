"""Libraries in turns: what is compared with what, and what is refused."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from benchmarks.cli import entry
from benchmarks.measure.library import Cost, hard_links, one_run, processor_seconds
from benchmarks.studies.catalogue import HEADERS, Measured, table
from toolkit.errors import EngineError


def test_a_library_is_hard_links_to_a_few_files(tmp_path: Path) -> None:
    sources = [tmp_path / "a.wav", tmp_path / "b.flac"]
    for source in sources:
        source.write_bytes(source.name.encode())
    files = sorted(hard_links(tmp_path / "m", sources, 2_001).rglob("*.*"))
    assert len(files) == 2_001 and os.stat(sources[0]).st_nlink == 1_002 and os.stat(sources[1]).st_nlink == 1_001
    assert all(file.read_bytes().decode().endswith(file.suffix) for file in files)


def test_rates_are_compared_round_by_round() -> None:
    loop = Measured("librosa + savefig + predict (model.keras)", 10, tuple(Cost(at, 1.5) for at in (1.0, 2.0, 10.0)))
    one = Measured("catalogue --workers 1", 100, tuple(Cost(at, 2.0, 50_000_000, 80_000_000) for at in (2.0, 4.0, 5.0)))
    two = Measured("catalogue --workers 2", 100, tuple(Cost(at, 2 * at, 5, 80_000_000) for at in (1.0, 2.0, 4.0)))
    grown = Measured("catalogue --workers 2", 1_000, (Cost(10.0, 20.0, 51_000_000, 80_000_000),))
    rows = table([loop, one, two], [grown])
    assert all(len(row) == len(HEADERS) for row in rows)
    assert rows[0][1:] == ("10", "5.0 [1.0, 10.0]", "0.20", "1.00", "150.0", "-", "-")
    assert rows[1][5:] == ("20.0", "50", "80")
    assert rows[2][1:6] == ("100", "50.0 [25.0, 100.0]", "2.00", "10.00", "40.0")
    assert rows[3][1:] == ("1,000", "100.0 [100.0, 100.0]", "-", "-", "20.0", "51", "80")


def test_processor_time_is_that_of_work_and_not_of_waiting() -> None:
    before, start = processor_seconds(os.getpid()), time.process_time()
    while time.process_time() - start < 0.3:
        pass
    worked = processor_seconds(os.getpid()) - before
    time.sleep(0.3)
    assert 0.2 < worked < 0.6 and processor_seconds(os.getpid()) - before < worked + 0.1


def test_a_catalogue_that_fails_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="the catalogue failed .*no such file or folder"):
        one_run(tmp_path / "model.tflite", tmp_path / "nothing", tmp_path / "r.csv", 1)


@pytest.mark.slow
def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GTZAN_ROOT", raising=False)
    output, run = tmp_path / "r.json", Path(__file__).parents[2] / "data" / "gtzanet"
    words = ["--files", "6", "--rounds", "1", "--loop-files", "2", "--seconds", "1", "--sizes", "4", "--run", str(run)]
    assert entry(["catalogue", *words, "--json", str(output)]) == 0
    rows = json.loads(output.read_text())["rows"]
    names = ["librosa + savefig + predict (model.keras)", "librosa + tf_keras (model.keras)"]
    catalogues = ["catalogue --workers 1", "catalogue --workers 2", "catalogue --workers 2"]
    assert [row["name"] for row in rows] == names + catalogues
    assert [row["files"] for row in rows] == [2, 2, 6, 6, 4]
    costs = [cost for row in rows[2:] for cost in row["costs"]]
    assert all(cost["main_bytes"] > 30e6 and cost["worker_bytes"] > 30e6 for cost in costs)
    assert all(cost["processor_seconds"] > 0.01 for row in rows for cost in row["costs"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["--rounds", "-1"],
        ["gone.tflite"],
        ["--run", "gone"],
        ["--workers", "0"],
        ["--sizes", "1,x"],
        ["--seconds", "0"],
    ],
)
def test_misuse(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert entry(["catalogue", *arguments]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
