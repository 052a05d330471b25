"""What decides a training run, as frozen values that go to and from a run folder's `config.json`."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from toolkit.data.run_folder import config_digest
from toolkit.dataclass_json import StrictError, from_json
from toolkit.errors import RunError, UsageError
from train.backbones.weights import Weights

PRECISIONS = ("float32", "tensorfloat32", "mixed_float16", "mixed_bfloat16")
DEVICES = ("auto", "cpu", "gpu")
KEEPS = ("best", "last")
OPTIMIZERS = ("sgd", "adamw")
SCHEDULES = ("plateau", "cosine")
AUGMENTS = ("none", "light", "strong")
CLASS_WEIGHTS = ("none", "balanced")
STRATEGIES = ("none", "mirrored", "multiworker")
MAX_COUNT = 1_000_000
MAX_THREADS = 1024
MAX_SHARDS = 1024
MAX_WORKERS = 1024


def _require(*checks: tuple[str, bool, str]) -> None:
    """Raise `UsageError` for the first (flag, whether its value is valid, what it must be) that is not valid."""
    for flag, is_valid, requirement in checks:
        if not is_valid:
            raise UsageError(f"{flag} must be {requirement}")


@dataclass(frozen=True)
class Recipe:
    """How a network is trained, the paper's way by default; every field is a flag of `python -m train`.

    Attributes
    ----------
    optimizer
        On the cross entropy, categorical or, of several labels, binary: "sgd" with `momentum`, or "adamw", whose
        `weight_decay` shrinks weights, not biases, by that share of the learning rate a step (I. Loshchilov, F. Hutter,
        2019).
    schedule
        "plateau" multiplies the learning rate by `plateau_factor` after `plateau_patience` epochs in which the
        validation loss did not fall by `plateau_delta`, down to `min_learning_rate`. "cosine" lets it rise for a share
        `warmup` of all steps and then fall along half a cosine wave to `min_learning_rate`.
    averaging
        The share of all steps over which the weights are averaged (see `train.step.Averages`), 0 for none.
    label_smoothing, mixup, augment
        What is done to training examples (see `train.augment`): a share, the alpha of Beta(alpha, alpha), a preset.
    crops
        Seconds between the places where training windows may begin (`train.crops`); 0 for those of evaluation.
    class_weights
        "balanced" weighs the loss of an item of class c by n / (classes * n_c), n_c of n windows being of that class.
    keep
        Which epoch's weights are the run's: the last one's, or the best one's on the validation part.
    """

    epochs: int = 90
    batch_size: int = 32
    learning_rate: float = 0.01
    momentum: float = 0.9
    plateau_factor: float = 0.1
    plateau_patience: int = 1
    plateau_delta: float = 1e-4
    min_learning_rate: float = 1e-5
    dropout: float | None = None
    keep: str = "last"
    optimizer: str = "sgd"
    weight_decay: float = 0.0
    schedule: str = "plateau"
    warmup: float = 0.0
    averaging: float = 0.0
    label_smoothing: float = 0.0
    mixup: float = 0.0
    augment: str = "none"
    class_weights: str = "none"
    crops: float = 0.0

    def __post_init__(self) -> None:
        count = f"at least 1 and at most {MAX_COUNT}"
        _require(
            ("--epochs", 1 <= self.epochs <= MAX_COUNT, count),
            ("--batch-size", 1 <= self.batch_size <= MAX_COUNT, count),
            ("--learning-rate", 1e-12 <= self.learning_rate < 1e3, "finite, at least 1e-12 and below 1000"),
            ("--momentum", 0 <= self.momentum < 1, "from 0 to below 1"),
            ("--plateau-factor", 0 < self.plateau_factor < 1, "between 0 and 1"),
            ("--plateau-patience", 1 <= self.plateau_patience <= MAX_COUNT, count),
            ("--plateau-delta", 0 <= self.plateau_delta < math.inf, "finite and 0 or more"),
            ("--min-learning-rate", 0 <= self.min_learning_rate < math.inf, "finite and 0 or more"),
            ("--dropout", self.dropout is None or 0 <= self.dropout < 1, "from 0 to below 1"),
            ("--keep", self.keep in KEEPS, " or ".join(KEEPS)),
            ("--optimizer", self.optimizer in OPTIMIZERS, " or ".join(OPTIMIZERS)),
            ("--weight-decay", 0 <= self.weight_decay < 1, "from 0 to below 1"),
            ("--schedule", self.schedule in SCHEDULES, " or ".join(SCHEDULES)),
            ("--warmup", 0 <= self.warmup < 1, "from 0 to below 1"),
            ("--averaging", 0 <= self.averaging < 1, "from 0 to below 1"),
            ("--label-smoothing", 0 <= self.label_smoothing < 1, "from 0 to below 1"),
            ("--mixup", self.mixup == 0 or 0.1 <= self.mixup <= 100, "0, or from 0.1 to 100"),
            ("--augment", self.augment in AUGMENTS, f"one of {', '.join(AUGMENTS)}"),
            ("--crops", 0 <= self.crops <= 600, "from 0 to 600"),
            ("--class-weights", self.class_weights in CLASS_WEIGHTS, " or ".join(CLASS_WEIGHTS)),
        )


@dataclass(frozen=True)
class Compute:
    """How the arithmetic is laid out. All of it can move the last bits of a result, so a resumed run keeps it.

    `shards` splits a batch into parts whose gradients are summed: the parts run side by side on `threads` cores and
    their activations stay in the cache. The sum differs from the unsplit one by rounding alone. `workers` devices of
    one process ("mirrored") or processes ("multiworker") divide a batch likewise.
    """

    device: str = "cpu"
    precision: str = "float32"
    threads: int = 1
    shards: int = 1
    strategy: str = "none"
    workers: int = 1

    @property
    def policy(self) -> str:
        """Keras' name of the precision: TensorFloat-32 is a way to multiply float32 values, not a type of theirs."""
        return "float32" if self.precision == "tensorfloat32" else self.precision

    def __post_init__(self) -> None:
        _require(
            ("--precision", self.precision in PRECISIONS, f"one of {', '.join(PRECISIONS)}"),
            ("--threads", 1 <= self.threads <= MAX_THREADS, f"at least 1 and at most {MAX_THREADS}"),
            ("--shards", 1 <= self.shards <= MAX_SHARDS, f"at least 1 and at most {MAX_SHARDS}"),
            ("--strategy", self.strategy in STRATEGIES, f"one of {', '.join(STRATEGIES)}"),
            ("--workers", 1 <= self.workers <= MAX_WORKERS, f"from 1 to {MAX_WORKERS}"),
        )


@dataclass(frozen=True)
class DataConfig:
    """The dataset of a run: where it was, its kind, the digest that it must still have, `--group-by`, `--negatives`."""

    root: str
    kind: str
    digest: str
    items: int
    synthetic: bool
    group_by: str = ""
    negatives: str = ""


@dataclass(frozen=True)
class SplitConfig:
    """How the items were split, and the digest of the result."""

    name: str
    seed: int
    folds: int
    fold: int
    digest: str


@dataclass(frozen=True)
class FewShot:
    """Numbers of clips per class that heads are fitted to besides, and how often they are drawn."""

    shots: tuple[int, ...]
    draws: int


HEAD_FILE = "head.json"
"""What a run keeps of the heads that were compared on a frozen backbone."""
ADDED: dict[str, Any] = dict.fromkeys(("network", "backbone", "few_shot", "unfreeze"))
ADDED |= dict.fromkeys(("multi_label", "hold_out", "no_test"), False)
_LATER = (*Recipe.__dataclass_fields__,)[(*Recipe.__dataclass_fields__,).index("keep") :]
ADDED_IN: dict[str, dict[str, Any]] = {
    "data": {"group_by": "", "negatives": ""},
    "compute": {"strategy": "none", "workers": 1},
    "recipe": {name: getattr(Recipe, name) for name in _LATER},
}
"""Fields that a run's configuration, and parts of it, have only where their value is another one: digests hold."""


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides a run's result, and where its data came from.

    `network` is `package.module:NETWORK` where the network is not one of `train.registry`'s. With `multi_label`, a clip
    may have several classes. `backbone` are the published weights where a head is fitted to a frozen backbone; no
    recipe decides it then, unless the blocks that `unfreeze` counts are trained afterwards. With `no_test`, the test
    part is left for `train.read_test`.
    """

    model: str
    classes: tuple[str, ...]
    seed: int
    data: DataConfig
    split: SplitConfig
    front_end: dict[str, Any]
    recipe: Recipe
    compute: Compute
    versions: dict[str, str]
    created: str
    network: str | None = None
    multi_label: bool = False
    backbone: Weights | None = None
    few_shot: FewShot | None = None
    unfreeze: str | None = None
    hold_out: bool = False
    no_test: bool = False

    @property
    def digest(self) -> str:
        """SHA-256 of what decides the weights (see `toolkit.data.run_folder.config_digest`)."""
        return config_digest(self._values())

    def to_dict(self) -> dict[str, Any]:
        """Return the value of `config.json`."""
        return {"format": 1, **self._values(), "classes": list(self.classes), "digest": self.digest}

    def _values(self) -> dict[str, Any]:
        """Return the fields without those that older runs do not have where they say nothing: their digests hold."""
        values = {name: value for name, value in asdict(self).items() if name not in ADDED or value != ADDED[name]}
        for part, added in ADDED_IN.items():
            values[part] = {name: value for name, value in values[part].items() if (name, value) not in added.items()}
        return values

    @classmethod
    def from_dict(cls, value: Any, where: str) -> RunConfig:
        """Return the configuration in a `config.json`.

        Raises `RunError` if it is of another format, lacks a field, has one of another type or was edited.
        """
        if not isinstance(value, dict):
            raise RunError(f"{where}: not a run's configuration (no object): start the run again")
        if value.get("format") != 1:
            raise RunError(f"{where}: format {value.get('format')!r}, not 1: train it again or use its own version")
        fields = ADDED | {name: part for name, part in value.items() if name not in ("format", "digest")}
        for name, added in ADDED_IN.items():
            if isinstance(part := fields.get(name), dict):
                fields[name] = added | part
        try:
            if not isinstance(front_end := fields.get("front_end"), dict):
                raise StrictError("front_end is not an object")
            config = replace(from_json(cls, fields | {"front_end": {}}), front_end=front_end)
        except (UsageError, StrictError) as error:
            raise RunError(f"{where}: not a run's configuration ({error}): start the run again") from None
        if value.get("digest") != config_digest(value):
            raise RunError(f"{where}: its digest does not fit its content: it was edited; start a new run instead")
        return config
