"""Time a training step as a user gets it, against plain Keras, in one session on one machine."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from toolkit.dataclass_json import from_json
from toolkit.error_text import last_line
from toolkit.errors import RunError, UsageError
from toolkit.measure.machine import describe_machine, machine_line
from train.config import Compute, Recipe

ROUNDS = 2
PACKAGES = ("tensorflow", "tf-keras", "numpy")
TOP_KERNELS = 5
LONGEST_NAME = 60


@dataclass(frozen=True)
class Variant:
    """A way to train: plain Keras or our loop, and how that is set."""

    name: str
    loop: str = "ours"
    precision: str = "float32"
    environment: dict[str, str] = field(default_factory=dict)
    feed: str = "resident"
    deterministic: bool = True
    xla: bool = False


@dataclass(frozen=True)
class Timing:
    """What a process measured of one variant.

    `steps` are the seconds from step to step after the first epoch, `first` the seconds of the first epoch, None where
    the variant failed. On a GPU `busy` is the share of the time in which it computed, and `kernels` its longest ones,
    as (name, share of its work).
    """

    variant: str
    steps: tuple[float, ...]
    first: float | None
    busy: float | None = None
    kernels: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Job:
    """What a timed process does: which network on which pictures, in which way."""

    model: str
    root: str
    device: str
    recipe: Recipe
    compute: Compute
    variant: Variant


def processor_variants(precision: str) -> tuple[Variant, ...]:
    """Return what is compared on a processor."""
    return (
        Variant("plain Keras, TensorFlow's defaults", "plain", precision),
        Variant("plain Keras, oneDNN on", "plain", precision, {"TF_ENABLE_ONEDNN_OPTS": "1"}),
        Variant("ours", "ours", precision),
    )


# XLA has no deterministic gradient of a max pool on a GPU, so that it can only be measured without determinism.
GPU_VARIANTS = (
    Variant(
        "plain Keras, TensorFlow's defaults (TF32, not deterministic)", "plain", "tensorfloat32", deterministic=False
    ),
    Variant("ours, float32"),
    Variant("ours, float32, pictures sent batch by batch", feed="host"),
    Variant("ours, float32, not deterministic", deterministic=False),
    Variant("ours, tensorfloat32", precision="tensorfloat32"),
    Variant("ours, mixed_bfloat16", precision="mixed_bfloat16"),
    Variant("ours, mixed_float16", precision="mixed_float16"),
    Variant("ours, float32, not deterministic, compiled by XLA", deterministic=False, xla=True),
)


def speed_table(model: str, root: Path, device: str, recipe: Recipe, compute: Compute) -> str:
    """Return a Markdown table of seconds per step: plain Keras (`image_dataset_from_directory`, `fit`) and our loop.

    Every variant runs in a process of its own: TensorFlow keeps the way to compute a convolution that it chose first,
    whatever is set later. On a processor that is done twice, in turn. A step's time is from the end of one to the end
    of the next, so that feeding counts; the first epoch warms up.
    """
    on_gpu = device == "gpu"
    variants = GPU_VARIANTS if on_gpu else processor_variants(compute.precision)
    rounds = 1 if on_gpu else ROUNDS
    timings: list[Timing] = []
    for turn in range(rounds):
        for variant in variants:
            print(f"turn {turn + 1} of {rounds}: {variant.name}", file=sys.stderr, flush=True)
            timings.append(_timed(Job(model, str(root), device, recipe, compute, variant)))
    failed = [timing for timing in timings if timing.first is None]
    timings = [timing for timing in timings if timing.first is not None]
    if not all(timing.steps for timing in timings):
        raise UsageError(f"--batch-size {recipe.batch_size} is the whole training part, in one step: use a smaller one")
    where = "a GPU" if on_gpu else f"{compute.threads} threads"
    processes = "a process for each row" if on_gpu else f"{ROUNDS} processes for each row, in turn"
    sections = [
        f"# Training step: {model}, batch {recipe.batch_size}, {where}",
        f"Written by `python -m train speed {model}{' --device gpu' * on_gpu}`: seconds from step to step after the "
        f"first epoch, feeding included; {processes}.",
        _table(timings, on_gpu),
        *(f"Left out: {timing.variant}." for timing in failed),
        *_kernel_sentences(timings),
        machine_line(describe_machine(PACKAGES)),
    ]
    return "\n\n".join(sections) + "\n"


def _table(timings: Sequence[Timing], on_gpu: bool) -> str:
    by_variant: dict[str, list[Timing]] = {}
    for timing in timings:
        by_variant.setdefault(timing.variant, []).append(timing)
    head = ("variant", "median s", "10 %", "90 %", "to the first row", *(("GPU busy", "first epoch s") * on_gpu))
    rows = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    reference = None
    for name, group in by_variant.items():
        values = [step for timing in group for step in timing.steps]
        tenths, median = statistics.quantiles(values, n=10), statistics.median(values)
        reference = reference or median
        cells = [name, *(f"{value:.{5 if on_gpu else 3}f}" for value in (median, tenths[0], tenths[-1]))]
        cells.append(f"{median / reference:.2f}")
        if on_gpu:
            cells += ["-" if group[0].busy is None else f"{group[0].busy:.0%}", f"{group[0].first:.1f}"]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _kernel_sentences(timings: Sequence[Timing]) -> Iterator[str]:
    for timing in timings:
        if timing.kernels:
            longest = "; ".join(f"`{short_name(name)}` {share:.0%}" for name, share in timing.kernels[:TOP_KERNELS])
            yield f"{timing.variant}: the GPU's work is {longest}."


def short_name(kernel: str) -> str:
    """Return a GPU kernel's name without its result type, namespaces, template arguments and parameters."""
    bare = re.split(r"[<(]", kernel.removeprefix("void "))[0].rpartition("::")[2]
    return bare if len(bare) <= LONGEST_NAME else bare[: LONGEST_NAME - 3] + "..."


def _timed(job: Job) -> Timing:
    environment = {key: value for key, value in os.environ.items() if key != "TF_ENABLE_ONEDNN_OPTS"}
    done = subprocess.run(
        [sys.executable, "-m", "train.timed_step", json.dumps(asdict(job))],
        env=environment | job.variant.environment | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sentence = last_line(done.stderr, f"it ended with code {done.returncode}")
        kind = UsageError if done.returncode == UsageError.exit_code else RunError
        raise kind(f"speed: the timed process failed: {sentence}")
    return from_json(Timing, json.loads(done.stdout.splitlines()[-1]))
