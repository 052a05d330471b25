"""The process that `train.speed` times: it trains in one way and prints its timing as a line of JSON."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from toolkit.dataclass_json import from_json
from toolkit.error_text import first_line
from toolkit.errors import GtzanetError
from toolkit.frontend.spec import PICTURE
from train.speed import Job, Timing, Variant

SPLIT = "paper"
EPOCHS = 2
GPU_EPOCHS = 4
"""Epochs of a variant; the first one warms up. On a GPU one more is recorded kernel by kernel and not timed."""


class _Clock:
    """Notes when each step of each epoch ended."""

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self.stamps: list[list[float]] = [[]]

    def step(self) -> None:
        self.stamps[-1].append(time.perf_counter())

    def epoch(self) -> None:
        self.stamps.append([])

    def timing(self, variant: Variant, epochs: int) -> Timing:
        """Return the seconds from step to step of the epochs from the second on, and how long the first took."""
        kept = self.stamps[1:epochs]
        steps = [after - before for stamps in kept for before, after in zip(stamps, stamps[1:], strict=False)]
        return Timing(variant.name, tuple(steps), self.stamps[0][-1] - self.started)


def _plain(job: Job) -> Timing:
    """Time what most people write: a folder of pictures, `compile` and `fit`."""
    import tf_keras

    from toolkit.data.dataset import build_index
    from train.build import build
    from train.networks import TABLES

    index = build_index(Path(job.root), "pictures")
    options: dict[str, Any] = {
        "validation_split": 0.2,
        "seed": 12345,
        "image_size": (288, 432),
        "batch_size": job.recipe.batch_size,
    }
    training = tf_keras.utils.image_dataset_from_directory(index.root, subset="training", **options)
    if job.device == "gpu":
        training = training.cache().prefetch(2)  # decoded once, and the next batch ready: what a careful user adds
    model = build(TABLES[job.model], len(index.classes), name=job.model)
    optimizer = tf_keras.optimizers.SGD(job.recipe.learning_rate, momentum=job.recipe.momentum)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    clock, epochs = _Clock(), _epochs(job)

    class Stamps(tf_keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            clock.step()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            clock.epoch()

    model.fit(training, epochs=epochs, verbose=0, callbacks=[Stamps()])
    return clock.timing(job.variant, epochs)


def _ours(job: Job) -> Timing:
    """Time our loop; on a GPU, one more epoch is recorded by its profiler."""
    from train import run
    from train.data import Progress, load_part, open_dataset
    from train.feed import HostFeed, make_feed
    from train.fit import fit
    from train.gpu_profile import GpuProfile

    on_gpu, epochs, variant = job.device == "gpu", _epochs(job), job.variant
    compute = replace(job.compute, device="gpu" if on_gpu else "cpu", precision=variant.precision)
    dataset = open_dataset(Path(job.root), "pictures", SPLIT, seed=0, folds=5, fold=0, progress=_quiet)
    config = run.new_config(job.model, dataset, PICTURE, 0, replace(job.recipe, epochs=epochs + on_gpu), compute)
    clock, profile = _Clock(), GpuProfile()

    def report(state: Progress) -> None:
        if state.finished is not None:
            clock.epoch()
            return
        clock.step()
        if on_gpu and state.epoch == epochs + 1:
            profile.start() if state.step == 1 else None
            profile.stop() if state.step == state.steps - 1 else None

    training = load_part(dataset, dataset.split.train, PICTURE, None, _quiet)
    validation = load_part(dataset, dataset.split.validation[:32], PICTURE, None, _quiet)
    feed_of = (lambda part, _: HostFeed(part, ahead=True)) if variant.feed == "host" else make_feed
    with tempfile.TemporaryDirectory() as folder:
        fit(config, training, validation, Path(folder), report, feed_of=feed_of, xla=variant.xla)
    return replace(clock.timing(variant, epochs), busy=profile.busy, kernels=profile.kernels)


def _quiet(*_: Any) -> None:
    return None


def _epochs(job: Job) -> int:
    return GPU_EPOCHS if job.device == "gpu" else EPOCHS


def _set(variant: Variant) -> None:
    """Set TensorFlow's switches as a variant needs them, in a process where it is prepared for a GPU."""
    import tensorflow as tf
    import tf_keras
    from tensorflow.python.framework import config

    (config.enable_op_determinism if variant.deterministic else config.disable_op_determinism)()
    tf.config.experimental.enable_tensor_float_32_execution(variant.precision == "tensorfloat32")
    mixed = variant.loop == "ours" and variant.precision.startswith("mixed")
    tf_keras.mixed_precision.set_global_policy(variant.precision if mixed else "float32")


def run_job(job: Job) -> Timing:
    """Train as a job describes and return the timing."""
    variant = job.variant
    if job.device == "gpu" or variant.loop == "ours":
        from train.device import prepare

        prepare(job.device, job.compute)
    if job.device == "gpu":
        _set(variant)
    import tensorflow as tf

    try:
        return _plain(job) if variant.loop == "plain" else _ours(job)
    except tf.errors.OpError as error:  # an operation that this GPU or this TensorFlow has not: the other rows go on
        return Timing(f"{variant.name}: failed ({first_line(error)})", (), None)


def main(argument: str) -> None:
    """Run the job in `argument`; end with a sentence on stderr where it fails."""
    try:
        print(json.dumps(asdict(run_job(from_json(Job, json.loads(argument))))))
    except GtzanetError as error:
        print(error, file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except ModuleNotFoundError as error:
        print(f"{error.name} is not installed (try: pip install 'gtzanet-edge[train]')", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main(sys.argv[1])
