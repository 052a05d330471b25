"""From a Keras model to the bytes of a TFLite model."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.keras import forward, standardises
from toolkit.error_text import first_line, last_line
from toolkit.errors import ArtifactError, GtzanetError, RunError
from toolkit.native_stderr import captured_stderr

INPUT_NAME = "picture"
IO_TYPES = ("int8", "uint8", "float32")
STANDARDISATION_OPS = ("ADD", "MEAN", "MUL", "RSQRT", "SQUARED_DIFFERENCE", "SUB")

_INTEGER_OPS = {
    "int8": "TFLITE_BUILTINS_INT8",
    "int16x8": "EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8",
}


def load_tensorflow() -> None:
    """Import TensorFlow with its log turned down and oneDNN's kernels off: they keep 400 MB of ZFNet's memory.

    Raises
    ------
    RunError
        If TensorFlow or tf_keras is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    try:
        with captured_stderr():
            import tensorflow as tf
            import tf_keras  # noqa: F401
    except ImportError as error:
        raise RunError(f"export needs TensorFlow ({error}): run `pip install 'gtzanet-edge[train]'`") from None
    tf.get_logger().setLevel(logging.ERROR)
    logging.getLogger("absl").setLevel(logging.ERROR)


def load_keras(path: Path, shape: tuple[int, int, int], classes: int) -> Any:
    """Return the Keras model in `path`, checked to map (n, *shape) to (n, classes) in float32.

    Raises
    ------
    RunError
        If it cannot be loaded, or has other shapes or another precision.
    """
    import tf_keras

    try:
        with captured_stderr():
            model = tf_keras.models.load_model(path, compile=False, safe_mode=True)
        shapes = tuple(model.input_shape), tuple(model.output_shape)
    except MemoryError:
        raise
    except Exception as error:  # Keras, h5py and zipfile fail in a dozen ways on a damaged file
        reason = first_line(error)[:200]
        raise RunError(f"{path}: not a Keras model that can be loaded ({reason}): train the run again") from None
    if shapes != ((None, *shape), (None, classes)):
        actual = " -> ".join(map(str, shapes))
        raise RunError(
            f"{path}: maps {actual}, not (None, {', '.join(map(str, shape))}) -> (None, {classes}): train the run again"
        )
    mixed = sorted({layer.compute_dtype for layer in model.layers} - {"float32"})
    if mixed:
        raise RunError(f"{path}: computes in {', '.join(mixed)}, not float32: save the model with float32 layers")
    return model


def float_ops(model: Any) -> tuple[str, ...]:
    """Return the operators that stay float32 in an integer model: those of per-image standardisation, if it has any.

    Eight bits cannot hold a picture's variance and its inverse root. Measured on 199 validation pictures with a narrow
    ZFNet: Keras 71 right, all in int8 51, with these in float32 70.
    """
    return STANDARDISATION_OPS if any(standardises(layer) for layer in model.layers) else ()


def to_tflite(
    model: Any, precision: str = "float32", calibration: NDArray[np.uint8] | None = None, io: str = "int8"
) -> bytes:
    """Convert a Keras model for one picture per call.

    Parameters
    ----------
    model
        float32 (n, 288, 432, 3) pixel values 0..255 to float32 (n, classes).
    precision
        "float32"; "dynamic" stores weights as int8 with a scale for each channel; "int8" makes weights and activations
        int8, "int16x8" weights int8 and activations int16; neither suits a model that standardises (`partly_int8`).
    calibration
        uint8 (n, 288, 432, 3), the pictures that the ranges of "int8" and "int16x8" are measured on.
    io
        What an "int8" model takes and gives: "int8", "uint8" or "float32"; all others take and give float32.

    Raises
    ------
    ArtifactError
        If TensorFlow's converter fails.
    """
    import tensorflow as tf

    signature = tf.TensorSpec((1, *model.input_shape[1:]), tf.float32, name=INPUT_NAME)
    call = tf.function(lambda picture: forward(model, picture))
    with converting():
        converter = tf.lite.TFLiteConverter.from_concrete_functions([call.get_concrete_function(signature)], model)
        if precision != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision in _INTEGER_OPS:
            converter.representative_dataset = _samples(calibration)
            converter.target_spec.supported_ops = [getattr(tf.lite.OpsSet, _INTEGER_OPS[precision])]
            io_type = getattr(tf, io if precision == "int8" else "float32")
            converter.inference_input_type = converter.inference_output_type = io_type
        return bytes(converter.convert())


def with_ranges(content: bytes, calibration: NDArray[np.uint8] | None) -> bytes:
    """Return a float32 TFLite model with the range of each of its tensors, as measured on calibration pictures.

    TensorFlow offers the steps to a partly quantised model (this one and `partly_int8`) through its quantisation
    debugger alone, which needs twice the memory for what it measures besides.

    Raises
    ------
    ArtifactError
        If TensorFlow's calibrator fails.
    """
    from tensorflow.lite.python.optimize.calibrator import Calibrator

    with converting():
        return bytes(Calibrator(content).calibrate(_samples(calibration)))


def partly_int8(content: bytes, kept: Sequence[str], io: str = "int8") -> bytes:
    """Quantise a float32 TFLite model `with_ranges` to int8, but leave the operators `kept` in float32.

    TensorFlow's quantiser gives float32 input and output; taking these off is what its converter does last, too.

    Parameters
    ----------
    content
        The model.
    kept
        Names of operators.
    io
        As that of `to_tflite`.

    Raises
    ------
    ArtifactError
        If TensorFlow's quantiser fails.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert import mlir_quantize
    from tensorflow.lite.python.util import modify_model_io_type

    with converting():
        io_type = getattr(tf, io)
        return bytes(modify_model_io_type(mlir_quantize(content, denylisted_ops=list(kept)), io_type, io_type))


def _samples(calibration: NDArray[np.uint8] | None) -> Callable[[], Iterator[list[NDArray[np.float32]]]]:
    """Return what gives calibration pictures as TensorFlow's tools take them."""

    def pictures() -> Iterator[list[NDArray[np.float32]]]:
        for picture in calibration if calibration is not None else ():
            yield [picture[np.newaxis].astype(np.float32)]

    return pictures


@contextmanager
def converting() -> Iterator[None]:
    """Turn whatever TensorFlow's converter raises (a dozen types, its own and others') into one sentence."""
    with captured_stderr() as chatter:
        try:
            yield
        except GtzanetError:
            raise
        except Exception as error:
            reason = first_line(error) if str(error).strip() else last_line(chatter(), type(error).__name__)
            raise ArtifactError(f"TensorFlow cannot convert the model: {reason[:300]}") from error
