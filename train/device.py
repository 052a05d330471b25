"""Prepare TensorFlow before anything is built: device, threads, precision, determinism. Call once, first."""

from __future__ import annotations

import os
import sys

from toolkit.errors import RunError, UsageError
from toolkit.quiet import captured_stderr
from train.config import DEVICES, Compute


def available_threads() -> int:
    """Return the number of processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def prepare(device: str, compute: Compute) -> Compute:
    """Import and configure TensorFlow, and return `compute` with the device that will be used ("cpu" or "gpu").

    oneDNN's kernels are switched on (TensorFlow leaves them off on processors without AVX-512, where they are still
    several times faster for these networks), and kept to AVX2 unless the environment says otherwise: with longer
    vectors they add up in another order, and the same seed would give another run. Ops are made deterministic; a GPU's
    memory is taken as needed.

    Raises
    ------
    RunError
        If a GPU is asked for and TensorFlow sees none.
    """
    if device not in DEVICES:
        raise UsageError(f"--device must be one of {', '.join(DEVICES)}")
    if sys.modules.get("tensorflow") is not None:
        raise RuntimeError("TensorFlow was imported before train.device.prepare: its settings would not take effect")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if device == "cpu":
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    with captured_stderr():  # the libraries' greetings
        import tensorflow as tf
        import tf_keras

        tf.get_logger().setLevel("ERROR")
        gpus = tf.config.list_physical_devices("GPU")
    if device == "gpu" and not gpus:
        raise RunError(
            "--device gpu: TensorFlow sees no GPU here: check the driver (nvidia-smi) and that tensorflow[and-cuda] "
            "is installed, or use --device cpu"
        )
    if device == "cpu" and gpus:
        tf.config.set_visible_devices([], "GPU")
        gpus = []
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    tf.config.threading.set_inter_op_parallelism_threads(compute.threads)
    tf.config.threading.set_intra_op_parallelism_threads(compute.threads if compute.shards == 1 else 1)
    tf.config.experimental.enable_op_determinism()
    tf_keras.mixed_precision.set_global_policy(compute.precision)
    return Compute("gpu" if gpus else "cpu", compute.precision, compute.threads, compute.shards)
