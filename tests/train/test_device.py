"""How TensorFlow is prepared: oneDNN computes with the instructions that every run was made with."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONVOLUTION = """
from train.config import Compute
from train.device import prepare
prepare("cpu", Compute("cpu", "float32", 1, 1))
import tensorflow as tf
tf.nn.conv2d(tf.ones((1, 8, 8, 3)), tf.ones((3, 3, 3, 8)), 1, "SAME")
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="AVX2 is x86's")
@pytest.mark.parametrize(("chosen", "words"), [(None, "isa:Intel AVX2"), ("SSE41", "isa:Intel SSE4.1")])
def test_the_instructions_are_avx2_unless_chosen(chosen: str | None, words: str) -> None:
    ours = ("ONEDNN_MAX_CPU_ISA", "TF_ENABLE_ONEDNN_OPTS")
    environment = {key: value for key, value in os.environ.items() if key not in ours}
    environment |= {"ONEDNN_VERBOSE": "1"} | ({"ONEDNN_MAX_CPU_ISA": chosen} if chosen else {})
    command = [sys.executable, "-c", CONVOLUTION]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert f"onednn_verbose,v1,info,cpu,{words}" in done.stdout.splitlines(), done.stdout
    assert "primitive,exec,cpu,convolution" in done.stdout
