"""Prepare TensorFlow before anything is built: device, threads, precision, determinism. Call once, first."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from toolkit.errors import RunError, UsageError
from toolkit.native_stderr import captured_stderr
from train.config import DEVICES, Compute

DRIVER = Path("/proc/driver/nvidia/version")
"""The NVIDIA kernel module's file: it exists where a driver is loaded."""
CUDA_LIBRARIES = (
    "libcudart.so.12",
    "libcublas.so.12",
    "libcublasLt.so.12",
    "libcufft.so.11",
    "libcusolver.so.11",
    "libcusparse.so.12",
    "libcudnn.so.9",
)
"""What TensorFlow 2.21 opens before it lists a GPU."""


def prepare(device: str, compute: Compute) -> Compute:
    """Import and configure TensorFlow, and return `compute` with the device that will be used ("cpu" or "gpu").

    oneDNN's kernels are switched on (TensorFlow leaves them off on processors without AVX-512, where they are still
    several times faster for these networks), and kept to AVX2 unless the environment says otherwise: with longer
    vectors they add up in another order, and the same seed would be another run. Ops are made deterministic. Of a
    GPU, the first one is used, its memory is reserved as needed, and its products of float32 values are rounded to
    TensorFloat-32's 10 bits only where the precision is "tensorfloat32". Of a distributed run, this process has as many
    devices, or is connected to the other workers.

    Raises
    ------
    UsageError
        If the device is unknown, or the precision needs a GPU and there is none.
    RunError
        If `device` is "gpu" and TensorFlow sees none, or fewer than the run's workers, or another worker does not come.
    """
    if device not in DEVICES:
        raise UsageError(f"--device must be one of {', '.join(DEVICES)}")
    if sys.modules.get("tensorflow") is not None:
        raise RuntimeError("TensorFlow was imported before train.device.prepare: its settings would have no effect")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # TensorFlow need not import Keras 3, too
    # A lost worker is one sentence of ours, and dozens of lines of TensorFlow's.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2" if compute.strategy == "none" else "3")
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    with captured_stderr():  # the libraries' greetings
        import tensorflow as tf
        import tf_keras

        tf.get_logger().setLevel("ERROR")
        gpus = choose_gpus(tf, device, compute.workers if compute.strategy == "mirrored" else 1)
    if compute.precision == "tensorfloat32" and not gpus:
        raise UsageError("--precision tensorfloat32 is a GPU's: leave it out on a processor")
    tf.config.threading.set_inter_op_parallelism_threads(compute.threads)
    tf.config.threading.set_intra_op_parallelism_threads(compute.threads if compute.shards == 1 else 1)
    tf.config.experimental.enable_tensor_float_32_execution(compute.precision == "tensorfloat32")
    tf.config.experimental.enable_op_determinism()
    tf_keras.mixed_precision.set_global_policy(compute.policy)
    compute = replace(compute, device="gpu" if gpus else "cpu")
    if compute.strategy != "none":
        _distribute(tf, compute)
    return compute


def _distribute(tf: Any, compute: Compute) -> None:
    """Make the devices of a mirrored run, or connect this process to the other workers."""
    if compute.strategy == "mirrored" and compute.device == "cpu":
        processor, one = tf.config.list_physical_devices("CPU")[0], tf.config.LogicalDeviceConfiguration()
        tf.config.set_logical_device_configuration(processor, [one] * compute.workers)
    from train.distribute import strategy_of

    with captured_stderr():  # TensorFlow's servers greet, too
        strategy_of(compute)


def choose_gpus(tf: Any, device: str, count: int = 1) -> list[Any]:
    """Make the first `count` GPUs TensorFlow's only ones, and return them; an empty list where a processor computes.

    Raises `RunError` if `device` is "gpu" and TensorFlow sees none, or it sees some, but fewer than `count`.
    """
    gpus = list(tf.config.list_physical_devices("GPU"))
    if device == "gpu" and not gpus:
        raise RunError(f"--device gpu: {no_gpu_reason(tf)}, or use --device cpu")
    if device == "auto" and not gpus and DRIVER.exists() and not _hidden():
        print(f"a GPU's driver is here, but this run uses the processor: {no_gpu_reason(tf)}", file=sys.stderr)
    chosen = [] if device == "cpu" else gpus[:count]
    if chosen and len(chosen) < count:
        raise RunError(f"--workers {count}: TensorFlow sees {len(gpus)} GPUs here: name no more, or use --device cpu")
    if gpus:
        tf.config.set_visible_devices(chosen, "GPU")
    for gpu in chosen:
        # Otherwise TensorFlow reserves all of the GPU's memory at its first operation.
        tf.config.experimental.set_memory_growth(gpu, True)
    return chosen


def no_gpu_reason(tf: Any) -> str:
    """Return why TensorFlow lists no GPU, and what to do about it, as a sentence without its full stop."""
    if not tf.test.is_built_with_cuda():
        return "this TensorFlow is built without CUDA: install tensorflow[and-cuda] on Linux"
    if _hidden():
        return f"CUDA_VISIBLE_DEVICES={os.environ['CUDA_VISIBLE_DEVICES']} hides every GPU: unset it"
    if not DRIVER.exists():
        return "no NVIDIA driver is loaded here: install one until nvidia-smi lists the GPU"
    missing = [name for name in CUDA_LIBRARIES if not _loads(name)]
    if missing:
        return (
            f"TensorFlow cannot load {', '.join(missing)}: install CUDA's libraries with "
            f"pip install 'tensorflow[and-cuda]=={tf.__version__}'"
        )
    return "TensorFlow sees no GPU: run it with TF_CPP_MIN_LOG_LEVEL=0 to see why"


def gpu_versions() -> dict[str, str]:
    """Return what of the GPU in use can move a result: its name and cuDNN's version, "unknown" where not stated."""
    import tensorflow as tf

    gpu = tf.config.get_visible_devices("GPU")[0]
    name = tf.config.experimental.get_device_details(gpu).get("device_name", "unknown")
    return {"gpu": name, "cudnn": _cudnn_version()}


def _hidden() -> bool:
    return os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1")


def _loads(name: str) -> bool:
    """Return whether a library is among the loader's, or in one of the nvidia packages that pip installs."""
    with suppress(OSError):
        ctypes.CDLL(name)
        return True
    return any(next(Path(place).glob(f"nvidia/*/lib/{name}"), None) for place in sys.path if place)


def _cudnn_version() -> str:
    # TensorFlow has opened it by now: the loader returns that one.
    with suppress(OSError, AttributeError):
        version = ctypes.CDLL(CUDA_LIBRARIES[-1]).cudnnGetVersion
        version.restype = ctypes.c_size_t
        number = version()
        return f"{number // 10000}.{number // 100 % 100}.{number % 100}"
    return "unknown"
