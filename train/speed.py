"""Time a training step as a user gets it, against plain Keras, in one session on one machine."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import GtzanetError, RunError, UsageError
from toolkit.machine import describe_machine, machine_line
from train.config import Compute, Recipe, RunConfig

EPOCHS = 2
ROUNDS = 2
PACKAGES = ("tensorflow", "tf-keras", "numpy")
VARIANTS = {
    "plain Keras, TensorFlow's defaults": ("plain", {}),
    "plain Keras, oneDNN on": ("plain", {"TF_ENABLE_ONEDNN_OPTS": "1"}),
    "ours": ("ours", {}),
}


@dataclass(frozen=True)
class Job:
    """What a timed process does: which network on which pictures, how."""

    variant: str
    model: str
    root: str
    recipe: Recipe
    compute: Compute


def compare(model: str, root: Path, recipe: Recipe, compute: Compute) -> str:
    """Return a Markdown table of seconds a step: plain Keras (`image_dataset_from_directory`, `fit`) and our loop.

    Every variant runs in its own process, in turn, twice; a step's time is from the end of one to the end of the
    next, so that feeding counts; the first epoch warms up and the second is measured.
    """
    machine = describe_machine(PACKAGES)
    times: dict[str, list[float]] = {name: [] for name in VARIANTS}
    for turn in range(ROUNDS):
        for name, (variant, environment) in VARIANTS.items():
            print(f"turn {turn + 1} of {ROUNDS}: {name}", file=sys.stderr, flush=True)
            job = Job(variant, model, str(root), recipe, compute)
            measured = _timed(job, environment)
            if not measured:
                raise UsageError(
                    f"--batch-size {recipe.batch_size} takes the whole training part at once, which leaves no time "
                    "from step to step: use a smaller one"
                )
            times[name] += measured
    medians = {name: statistics.median(values) for name, values in times.items()}
    reference = next(iter(medians.values()))
    lines = [
        f"# Training step: {model}, batch {recipe.batch_size}, {compute.threads} threads",
        "",
        f"Written by `python -m train speed {model}`: seconds from step to step in the second epoch, feeding included; "
        f"{ROUNDS} processes a row, in turn.",
        "",
        "| variant | median s | 10 % | 90 % | to the first row |",
        "|---|---|---|---|---|",
    ]
    for name, values in times.items():
        tenths = statistics.quantiles(values, n=10)
        lines.append(
            f"| {name} | {medians[name]:.3f} | {tenths[0]:.3f} | {tenths[-1]:.3f} | {medians[name] / reference:.2f} |"
        )
    return "\n".join([*lines, "", machine_line(machine)]) + "\n"


def _timed(job: Job, environment: dict[str, str]) -> list[float]:
    command = [sys.executable, "-m", "train.speed", json.dumps(asdict(job))]
    variables = {key: value for key, value in os.environ.items() if key != "TF_ENABLE_ONEDNN_OPTS"}
    done = subprocess.run(
        command,
        env=variables | environment | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sentence = (done.stderr.strip().splitlines() or [f"it ended with code {done.returncode}"])[-1]
        kind = UsageError if done.returncode == UsageError.exit_code else RunError
        raise kind(f"speed: the timed process failed: {sentence}")
    return list(json.loads(done.stdout.splitlines()[-1]))


def _intervals(stamps: list[list[float]]) -> list[float]:
    last = stamps[-1]
    return [later - earlier for earlier, later in zip(last, last[1:], strict=False)]


def _plain(job: Job) -> list[float]:
    import tf_keras

    from toolkit.dataset import build_index
    from train.build import build
    from train.networks import find_network

    index = build_index(Path(job.root), "pictures")
    options: dict[str, Any] = {
        "validation_split": 0.2,
        "seed": 12345,
        "image_size": (288, 432),
        "batch_size": job.recipe.batch_size,
    }
    training = tf_keras.utils.image_dataset_from_directory(index.root, subset="training", **options)
    model = build(find_network(job.model), len(index.classes), name=job.model)
    optimizer = tf_keras.optimizers.SGD(job.recipe.learning_rate, momentum=job.recipe.momentum)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    stamps: list[list[float]] = []

    class Clock(tf_keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            stamps.append([])

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            stamps[-1].append(time.perf_counter())

    model.fit(training, epochs=EPOCHS, verbose=0, callbacks=[Clock()])
    return _intervals(stamps)


def _ours(job: Job) -> list[float]:
    from dataclasses import replace

    from train import run
    from train.data import load_part, open_dataset
    from train.device import prepare

    compute = prepare("cpu", job.compute)
    from train.fit import fit
    from train.part import Progress

    def quiet(*_: Any) -> None:
        return None

    dataset = open_dataset(Path(job.root), "pictures", "paper", seed=0, folds=5, fold=0, progress=quiet)
    config: RunConfig = run.new_config(job.model, dataset, 0, replace(job.recipe, epochs=EPOCHS), compute)
    stamps: list[list[float]] = [[] for _ in range(EPOCHS)]

    def clock(state: Progress) -> None:
        if state.finished is None:
            stamps[state.epoch - 1].append(time.perf_counter())

    training = load_part(dataset, dataset.split.train, None, quiet)
    validation = load_part(dataset, dataset.split.validation[:32], None, quiet)
    with tempfile.TemporaryDirectory() as folder:
        fit(config, training, validation, Path(folder), clock)
    return _intervals(stamps)


def _main(argument: str) -> None:
    value = json.loads(argument)
    job = Job(**value | {"recipe": Recipe(**value["recipe"]), "compute": Compute(**value["compute"])})
    try:
        print(json.dumps({"plain": _plain, "ours": _ours}[job.variant](job)))
    except GtzanetError as error:
        print(error, file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except ModuleNotFoundError as error:
        print(f"{error.name} is not installed (try: pip install 'gtzanet-edge[train]')", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    _main(sys.argv[1])
