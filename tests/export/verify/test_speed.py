"""Files beside float32: the ratio is of the same format, and a file that is not surely faster is not called so."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.cli import entry
from export.variants import Variant
from export.verify import speed
from export.verify.speed import is_faster, measure_ratios, ratio_text
from toolkit.measure.latency import Ratio, measure

BATCH = np.zeros((1, 2, 2, 3), np.float32)
MILLISECONDS = {"a-float32.tflite": 4, "a-int8.tflite": 8, "a-dynamic.tflite": 1, "a-float32.onnx": 1, "a-int8.onnx": 3}


def test_each_is_compared_with_the_float32_file_of_its_format(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]

    class Slow:
        """An engine that moves the clock on by what its file takes."""

        def __init__(self, path: Path, threads: int) -> None:
            assert threads == 1
            self.seconds = MILLISECONDS[path.name] / 1000

        def run(self, batch: Any) -> None:
            assert batch is BATCH
            clock[0] += self.seconds

    monkeypatch.setattr(speed, "measure", partial(measure, clock=lambda: clock[0]))
    files = {Variant(name.split(".")[1], name.split("-")[1].split(".")[0]): Path(name) for name in MILLISECONDS}
    ratios: Any = measure_ratios(files, BATCH, open=Slow)  # type: ignore[arg-type]
    medians = {variant: measured.median for variant, measured in ratios.items()}
    assert medians == {
        Variant("tflite", "int8"): pytest.approx(2),
        Variant("tflite", "dynamic"): pytest.approx(0.25),
        Variant("onnx", "int8"): pytest.approx(3),
    }
    assert [is_faster(measured) for measured in ratios.values()] == [False, True, False]


def test_slow_files_take_turns_after_each_counted_query(monkeypatch: pytest.MonkeyPatch) -> None:
    """What slows a machine down meanwhile falls on all alike. The first query of a turn is not counted."""
    clock, order = [0.0], []

    class Slow:
        def __init__(self, path: Path, threads: int) -> None:
            self.name = path.name

        def run(self, batch: Any) -> None:
            order.append(self.name)
            clock[0] += 0.1

    monkeypatch.setattr(speed, "measure", partial(measure, clock=lambda: clock[0]))
    names = ("a-float32.tflite", "a-int8.tflite", "a-dynamic.tflite")
    files = {Variant("tflite", name[2:].split(".")[0]): Path(name) for name in names}
    measure_ratios(files, BATCH, open=Slow)  # type: ignore[arg-type]
    timed = order[len(names) * speed.PLAN.warmup :]
    turns = list(zip(timed[::2], timed[1::2], strict=True))
    assert len(turns) == 8 * len(names) and all(first == second for first, second in turns)
    assert all({first for first, _ in turns[at : at + 3]} == set(names) for at in range(0, len(turns), 3))


def test_float32_alone_is_not_timed() -> None:
    def refuse(*arguments: Any, **options: Any) -> Any:
        raise AssertionError("opened")

    assert measure_ratios({Variant("tflite", "float32"): Path("a-float32.tflite")}, BATCH, open=refuse) == {}


def test_what_may_be_noise_is_not_faster() -> None:
    assert not is_faster(Ratio(0.98, 0.9, 1.02)) and not is_faster(Ratio(1.5, 1.4, 1.6))
    assert is_faster(Ratio(0.5, 0.4, 0.6))
    assert ratio_text(Ratio(0.5, 0.4, 0.6)) == "0.50 [0.40, 0.60] times float32's time"


@pytest.mark.slow
@pytest.mark.parametrize(("median", "slower"), [(1.5, True), (0.5, False)])
def test_a_slower_file_is_reported_and_refused_with_the_flag(
    run_folder: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    median: float,
    slower: bool,
) -> None:
    measured = Ratio(median, median - 0.1, median + 0.1)
    monkeypatch.setattr(speed, "measure_ratios", lambda files, batch: dict.fromkeys(list(files)[1:], measured))
    arguments = [str(run_folder), "--quantize", "dynamic", "--max-drop", "10"]
    flag = [] if slower else ["--fail-if-slower"]
    assert entry([*arguments, *flag, "--output", str(tmp_path / "out")]) == 0
    out, err = capfd.readouterr()
    assert out.count(f"{median:.2f} [") == 1
    assert ("NOT FASTER on this machine" in err) == slower
    assert len(list((tmp_path / "out").iterdir())) == 2
    if slower:
        assert entry([*arguments, "--fail-if-slower", "--output", str(tmp_path / "refused")]) == 1
        assert "refused: the dynamic tflite file is not faster here" in capfd.readouterr().err
        assert not (tmp_path / "refused").exists()
