"""Some hundred hostile inputs of every kind, each kind in a process of its own, which may not crash, hang or swell."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.default_model import PRETRAINED
from tests.fuzz.fuzzing import FORGED, KINDS, MODELS, SOUNDS, hostile, original
from tests.run_maker import made_artifacts
from toolkit.artifact.file import ONNX, TFLITE

COUNT = 300
MOST_BYTES = 500_000_000


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_hostile_inputs_are_read_or_refused(
    kind: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    model = ""
    if kind in MODELS:
        format = ONNX if kind == ONNX else TFLITE
        model = str(made_artifacts(tmp_path_factory.getbasetemp(), "gtzanet") / f"gtzanet-int8.{format}")
    command = [sys.executable, "-m", "tests.fuzz.fuzzing", kind, "0", str(COUNT), model]
    last = tmp_path / "last"
    environment = {**os.environ, "FUZZ_LAST": str(last)}
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{kind}, input {last.read_text().strip()}: {done.stderr[-2000:]}"
    tally = json.loads(done.stdout)
    assert tally["tried"] == tally["read"] + tally["refused"] == COUNT
    assert tally["refused"] > COUNT / 5 and tally["peak_bytes"] < MOST_BYTES


@pytest.mark.parametrize("kind", [*SOUNDS, "raw", TFLITE, FORGED])
def test_the_same_number_gives_the_same_input_and_damage_changes_it(kind: str) -> None:
    def pair(seed: int) -> tuple[bytes, bytes]:
        return original(kind, PRETRAINED, random.Random(seed)), hostile(kind, PRETRAINED, random.Random(seed))

    assert pair(1) == pair(1)
    assert sum(whole != changed for whole, changed in map(pair, range(50))) > 40
