"""float16 weights: halved, nothing but weights touched, and refused where float16 cannot hold them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.tflite.float16 import halve_weights
from export.weighted import SMALLEST
from toolkit.artifact.file import read_archive
from toolkit.errors import ArtifactError

pytestmark = pytest.mark.slow


def proper(path: Path) -> bytes:
    return path.read_bytes()[: read_archive(path).start]


def constants(model: bytes) -> dict[str, Any]:
    """Return the constant tensors of a model by name."""
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(model_content=model, experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    values = {}
    for detail in interpreter.get_tensor_details():
        try:
            values[detail["name"]] = interpreter.get_tensor(detail["index"])
        except ValueError:  # not a constant: it has no value yet
            continue
    return values


def test_weights_are_rounded_and_biases_are_not(artifacts: Path) -> None:
    model = proper(artifacts / "gtzanet-float32.tflite")
    before, after = constants(model), constants(halve_weights(model))
    weights = [name for name, value in before.items() if value.dtype == np.float32 and value.size >= SMALLEST]
    assert len(weights) >= 4
    for name in weights:
        if name in after and after[name].dtype == np.float16:
            np.testing.assert_array_equal(after[name], before[name].astype(np.float16))
    halved = [name for name, value in after.items() if value.dtype == np.float16]
    assert set(halved) <= set(weights) and len(halved) >= 4
    small = [name for name, value in before.items() if value.dtype == np.float32 and value.size < SMALLEST]
    assert small and all(after[name].dtype == np.float32 for name in small if name in after)
    assert len(halve_weights(model)) < 0.6 * len(model)


def test_a_weight_beyond_float16_is_refused(artifacts: Path) -> None:
    model = bytearray(proper(artifacts / "gtzanet-float32.tflite"))
    kernels = [value.tobytes() for value in constants(bytes(model)).values() if value.size >= SMALLEST]
    place = next(start for kernel in kernels if (start := bytes(model).find(kernel)) > 0)
    model[place : place + 4] = np.float32(1e6).tobytes()
    with pytest.raises(ArtifactError, match="larger than float16 holds"):
        halve_weights(bytes(model))
