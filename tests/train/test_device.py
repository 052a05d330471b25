"""How TensorFlow is prepared: the instructions that oneDNN computes with, and the GPU."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from toolkit.errors import RunError
from train import device
from train.config import Compute, Recipe
from train.networks import TABLES

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


class FakeTensorFlow:
    """As much of TensorFlow as `choose_gpus` talks to, with a list of GPUs that a test chooses."""

    __version__ = "2.21.0"

    def __init__(self, gpus: list[str], *, cuda: bool = True) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.config = self.experimental = self
        self.test = self
        self.gpus, self.cuda = gpus, cuda

    def list_physical_devices(self, kind: str) -> list[str]:
        return self.gpus if kind == "GPU" else []

    def set_visible_devices(self, devices: list[str], kind: str) -> None:
        self.calls.append(("visible", devices, kind))

    def set_memory_growth(self, gpu: str, enable: bool) -> None:
        self.calls.append(("growth", gpu, enable))

    def is_built_with_cuda(self) -> bool:
        return self.cuda


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let a driver be loaded, and no variable hide its GPUs."""
    path = tmp_path / "version"
    path.write_text("NVRM version\n")
    monkeypatch.setattr(device, "DRIVER", path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return path


@pytest.mark.parametrize("device_flag", ["auto", "gpu"])
def test_one_gpu_is_used_and_its_memory_grows(device_flag: str, driver: Path) -> None:
    tf = FakeTensorFlow(["GPU:0", "GPU:1"])
    assert device.choose_gpus(tf, device_flag) == ["GPU:0"]
    assert tf.calls == [("visible", ["GPU:0"], "GPU"), ("growth", "GPU:0", True)]


def test_a_processors_run_leaves_the_gpu_alone(driver: Path) -> None:
    tf = FakeTensorFlow(["GPU:0"])
    assert device.choose_gpus(tf, "cpu") == []
    assert tf.calls == [("visible", [], "GPU")]


def test_the_reason_why_there_is_no_gpu(driver: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_loads", lambda name: not name.startswith(("libcudnn", "libcublas.")))
    with pytest.raises(RunError) as caught:
        device.choose_gpus(FakeTensorFlow([]), "gpu")
    assert str(caught.value) == (
        "--device gpu: TensorFlow cannot load libcublas.so.12, libcudnn.so.9: install CUDA's libraries with "
        "pip install 'tensorflow[and-cuda]==2.21.0', or use --device cpu"
    )
    monkeypatch.setattr(device, "_loads", lambda name: True)
    assert "TF_CPP_MIN_LOG_LEVEL=0" in device.no_gpu_reason(FakeTensorFlow([]))
    assert "built without CUDA" in device.no_gpu_reason(FakeTensorFlow([], cuda=False))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert "CUDA_VISIBLE_DEVICES=-1 hides" in device.no_gpu_reason(FakeTensorFlow([]))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    driver.unlink()
    assert "no NVIDIA driver" in device.no_gpu_reason(FakeTensorFlow([]))


def test_an_idle_gpu_is_spoken_of(
    driver: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(device, "_loads", lambda name: False)
    assert device.choose_gpus(FakeTensorFlow([]), "auto") == []
    line = capsys.readouterr().err
    assert "this run uses the processor" in line and "tensorflow[and-cuda]==2.21.0" in line
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # its owner hides it: nothing to say
    device.choose_gpus(FakeTensorFlow([]), "auto")
    driver.unlink()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    device.choose_gpus(FakeTensorFlow([]), "auto")
    assert capsys.readouterr().err == ""


def test_libraries_that_pip_installed_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not device._loads("libcudnn.so.909")
    folder = tmp_path / "nvidia" / "cudnn" / "lib"
    folder.mkdir(parents=True)
    (folder / "libcudnn.so.909").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert device._loads("libcudnn.so.909")


@pytest.mark.slow
def test_tensorfloat32_needs_a_gpu() -> None:
    code = (
        "from train.config import Compute; from train.device import prepare; prepare('cpu', Compute(precision="
        "'tensorfloat32'))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert "UsageError: --precision tensorfloat32 is a GPU's" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_gpu_has_a_kernel_for_every_operation_of_a_step(name: str, precision: str) -> None:
    """An operation without one is computed on the processor, with a copy there and back: slow, and nothing says so."""
    import tensorflow as tf
    import tf_keras

    from tests.train.gpu_kernels import types_without_a_gpu_kernel
    from train.build import build
    from train.step import make_optimizer, make_predict_step, make_train_step

    compute = Compute("gpu", precision, 1, 1)
    policy = tf_keras.mixed_precision.global_policy()
    tf_keras.mixed_precision.set_global_policy(precision)
    try:
        model = build(TABLES[name], 10, name="test", twin=True, device="gpu")
        optimizer = make_optimizer(Recipe(), precision, model.trainable_variables)
        pictures = tf.TensorSpec((4, 288, 432, 3), tf.uint8)
        labels, seed = tf.TensorSpec((4,), tf.int32), tf.TensorSpec((2,), tf.int32)
        step: Any = make_train_step(model, optimizer, compute)
        predict: Any = make_predict_step(model, compute)
        graphs = [
            step.get_concrete_function(pictures, labels, seed).graph,
            predict.get_concrete_function(pictures, labels).graph,
        ]
    finally:
        tf_keras.mixed_precision.set_global_policy(policy)
    operations = [operation for graph in graphs for operation in graph.get_operations()]
    assert len(operations) > 300
    assert types_without_a_gpu_kernel(operations) <= {"StatefulPartitionedCall", "PartitionedCall"}
