"""Quantisation-aware fine-tuning: a few more epochs with the rounding of an int8 model.

In training every layer with weights rounds its kernel and its output as an int8 model does; gradients pass through the
rounding (Jacob et al., 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference"). The result is an ordinary network, with weights that lose less in eight bits.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.calibration import calibrate, choose, edge_inputs
from export.card import TUNER
from export.inputs import Inputs, batch_of
from export.keras import load_keras, load_tensorflow, weighted_layers
from export.trained_run import open_source
from toolkit.artifact.card_sections import FineTuningCard
from toolkit.data.run_folder import Run
from toolkit.dataclass_json import to_json
from toolkit.error_text import last_line
from toolkit.errors import GtzanetError, RunError, UsageError
from toolkit.native_stderr import captured_stderr

MODEL_NAME = "tuned.keras"
DEFAULT_EPOCHS = 3
LEARNING_RATE, MOMENTUM, BATCH, SEED = 1e-4, 0.9, 16, 0
REPORT_SECONDS = 10.0
_SET_PARENT_DEATH_SIGNAL = 1
"""`PR_SET_PDEATHSIG` of Linux' prctl."""


@dataclass(frozen=True)
class Job:
    """What to fine-tune: a run, its dataset, the number of inputs of the first ranges, and how."""

    run: str
    data: str
    calibration: int
    settings: FineTuningCard


def check_installed() -> None:
    """Raise `RunError` unless TensorFlow's optimisation toolkit is installed."""
    if importlib.util.find_spec("tensorflow_model_optimization") is None:
        raise RunError(f"--qat needs {TUNER}, which is not installed: run `pip install 'gtzanet-edge[qat]'`")


def fine_tune(job: Job, folder: Path, report: Callable[[str], None]) -> Path:
    """Fine-tune a run's network in a process of its own and return the Keras model's file, in `folder`.

    The process has one thread per operator, so that sums do not depend on which thread is faster, and frees its memory
    when it ends. Raises `RunError` if it fails.
    """
    path = folder / MODEL_NAME
    job_text = json.dumps(to_json(job))
    command = [sys.executable, "-m", "export.quantize.qat", str(os.getpid()), job_text, str(path)]
    with (
        tempfile.TemporaryFile("w+", errors="replace") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            for line in process.stdout:
                report(line.rstrip())
            process.wait()
        except BaseException:
            process.kill()
            raise
        errors.seek(0)
        reason = last_line(errors.read(), f"it ended with code {process.returncode}")
    if process.returncode:
        raise RunError(f"fine-tuning failed: {reason}")
    return path


def tuned(
    model: Any,
    inputs: Inputs,
    labels: NDArray[np.int64],
    calibration: Inputs,
    settings: FineTuningCard,
    report: Callable[[str], None],
) -> Any:
    """Return a Keras model, fine-tuned.

    Parameters
    ----------
    model
        A `tf_keras.Sequential` of built-in layers; its own weights change.
    inputs : ndarray of uint8 or float32, shape (n, ...)
        The training part.
    labels : ndarray of int64, shape (n,)
        Its class numbers.
    calibration : ndarray of uint8 or float32, shape (m, ...)
        The inputs that the layers' ranges are first measured on.
    settings
        Epochs, learning rate, seed of the order.
    report
        Called with a line every few seconds, and after each epoch.
    """
    import tf_keras

    tf_keras.utils.set_random_seed(settings.seed)
    with captured_stderr():
        aware = _aware(model, calibration)
    aware.compile(tf_keras.optimizers.SGD(settings.learning_rate, momentum=MOMENTUM), "sparse_categorical_crossentropy")
    order = np.random.default_rng(settings.seed)
    start = last_report = time.monotonic()
    for epoch in range(settings.epochs):
        losses = []
        for batch in np.split(order.permutation(len(inputs)), range(BATCH, len(inputs), BATCH)):
            losses.append(float(aware.train_on_batch(inputs[batch].astype(np.float32), labels[batch])))
            now, last = time.monotonic(), len(losses) * BATCH >= len(inputs)
            if last or now - last_report > REPORT_SECONDS:
                last_report, done = now, epoch + min(1.0, len(losses) * BATCH / len(inputs))
                left = (now - start) * (settings.epochs - done) / done
                loss = float(np.mean(losses))
                report(f"fine-tuning: epoch {done:.1f} of {settings.epochs}, loss {loss:.4f}, {left:.0f} s left")
    values = {weight.name: weight.numpy() for weight in aware.weights}
    model.set_weights([values[weight.name] for weight in model.weights])
    return model


def _aware(model: Any, calibration: Inputs) -> Any:
    """Return a copy of a model whose layers with weights round in training, from ranges measured on inputs."""
    import tensorflow_model_optimization as tfmot
    import tf_keras

    annotate = tfmot.quantization.keras.quantize_annotate_layer

    def copied(layer: Any) -> Any:
        copy = type(layer).from_config(layer.get_config())
        return annotate(copy) if layer.weights else copy

    annotated = tf_keras.models.clone_model(model, clone_function=copied)
    annotated.set_weights(model.get_weights())
    aware = tfmot.quantization.keras.quantize_apply(annotated)
    ranges = _ranges(model, calibration)
    for layer in aware.layers:
        for weight in layer.weights:
            name, _, kind = weight.name.split(":")[0].removeprefix("quant_").partition("/post_activation_")
            if kind:
                weight.assign(ranges[name][("min", "max").index(kind)])
    return aware


def _ranges(model: Any, inputs: Inputs) -> dict[str, tuple[float, float]]:
    """Return the range, with 0, of the output of every layer with weights over all inputs."""
    import tf_keras

    layers = weighted_layers(model)
    probe = tf_keras.Model(model.inputs, [layer.output for layer in layers])
    ranges = {layer.name: (0.0, 0.0) for layer in layers}
    for value in inputs:
        values = probe(batch_of(value), training=False)
        for layer, value in zip(layers, values if len(layers) > 1 else [values], strict=True):
            low, high = ranges[layer.name]
            ranges[layer.name] = (min(low, float(np.min(value))), max(high, float(np.max(value))))
    return ranges


def _end_with(parent: int) -> None:
    """Let Linux kill this process when its parent ends in any way."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent:  # it has ended already
            raise SystemExit(1)


def _main(parent: str, text: str, target: str) -> None:
    _end_with(int(parent))
    value = json.loads(text)
    job = Job(**value | {"settings": FineTuningCard(**value["settings"])})
    load_tensorflow()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    run = Run.load(Path(job.run))
    source = open_source(run, Path(job.data))
    items = source.items("train")
    inputs = source.inputs(items)
    chosen = choose(items, job.calibration)
    calibration = calibrate(chosen, source.inputs(chosen), edge_inputs(source.front_end))
    model = load_keras(run.model_path, inputs.shape[1:], len(source.classes))
    report = partial(print, flush=True)
    tuned(model, inputs, source.labels(items), calibration.inputs, job.settings, report).save(target)


if __name__ == "__main__":
    try:
        _main(*sys.argv[1:])
    except (GtzanetError, MemoryError) as error:
        print(error or "out of memory", file=sys.stderr)
        raise SystemExit(UsageError.exit_code if isinstance(error, UsageError) else 1) from None
