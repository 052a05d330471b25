"""Files beside float32: the ratio is of the same format, and a file that is not surely faster is not called so."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.cli import entry
from export.variants import Variant
from export.verify import speed
from export.verify.speed import is_faster, measure_ratios, ratio_text
from toolkit.measure.latency import Ratio

BATCH = np.zeros((1, 2, 2, 3), np.float32)
MILLISECONDS = {"a-float32.tflite": 4, "a-int8.tflite": 8, "a-dynamic.tflite": 1, "a-float32.onnx": 1, "a-int8.onnx": 2}


class Slow:
    """A slow engine."""

    def __init__(self, path: Path, threads: int) -> None:
        self.seconds = MILLISECONDS[path.name] / 1000

    def run(self, batch: Any) -> None:
        time.sleep(self.seconds)


def test_each_is_compared_with_the_float32_file_of_its_format() -> None:
    files = {Variant(name.split(".")[1], name.split("-")[1].split(".")[0]): Path(name) for name in MILLISECONDS}
    ratios: Any = measure_ratios(files, BATCH, open=Slow)  # type: ignore[arg-type]
    assert set(ratios) == {Variant("tflite", "int8"), Variant("tflite", "dynamic"), Variant("onnx", "int8")}
    assert ratios[Variant("tflite", "int8")].median > 1.3
    assert ratios[Variant("tflite", "dynamic")].median < 0.8 and is_faster(ratios[Variant("tflite", "dynamic")])
    assert ratios[Variant("onnx", "int8")].median > 1.2


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
    assert entry([*arguments, "--output", str(tmp_path / "reported")]) == 0
    out, err = capfd.readouterr()
    assert out.count(f"{median:.2f} [") == 1
    assert ("NOT FASTER on this machine" in err) == slower
    assert len(list((tmp_path / "reported").iterdir())) == 2
    assert entry([*arguments, "--fail-if-slower", "--output", str(tmp_path / "out")]) == int(slower)
    err = capfd.readouterr().err
    assert ("refused: the dynamic tflite file is not faster here" in err) == slower
    assert (tmp_path / "out").exists() != slower and len(list(tmp_path.glob("out/*"))) == (0 if slower else 2)
