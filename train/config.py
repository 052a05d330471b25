"""What decides a training run, as frozen values that go to and from a run folder's `config.json`."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from toolkit.data.run_folder import config_digest
from toolkit.dataclass_json import StrictError, from_json
from toolkit.errors import RunError, UsageError

PRECISIONS = ("float32", "tensorfloat32", "mixed_float16", "mixed_bfloat16")
DEVICES = ("auto", "cpu", "gpu")
KEEPS = ("best", "last")
MAX_COUNT = 1_000_000
MAX_THREADS = 1024
MAX_SHARDS = 1024


@dataclass(frozen=True)
class Recipe:
    """The paper's recipe; every field is a flag of `python -m train`.

    SGD with momentum on the sparse categorical cross entropy; the learning rate is multiplied by `plateau_factor` after
    `plateau_patience` epochs in which the validation loss did not fall by `plateau_delta`, down to `min_learning_rate`.
    `keep` says which epoch's weights are the run's: the last one's, or the best one's on the validation part.
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

    def __post_init__(self) -> None:
        count = f"at least 1 and at most {MAX_COUNT}"
        checks = (
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
        )
        for flag, is_valid, requirement in checks:
            if not is_valid:
                raise UsageError(f"{flag} must be {requirement}")


@dataclass(frozen=True)
class Compute:
    """How the arithmetic is laid out. All of it can move the last bits of a result, so a resumed run keeps it.

    `shards` splits a batch into parts whose gradients are summed: the parts run side by side on `threads` cores and
    their activations stay in the cache. The sum differs from the unsplit one by rounding alone.
    """

    device: str = "cpu"
    precision: str = "float32"
    threads: int = 1
    shards: int = 1

    @property
    def policy(self) -> str:
        """Keras' name of the precision: TensorFloat-32 is a way to multiply float32 values, not a type of theirs."""
        return "float32" if self.precision == "tensorfloat32" else self.precision

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise UsageError(f"--precision must be one of {', '.join(PRECISIONS)}")
        if self.threads < 1:
            raise UsageError("--threads must be at least 1")
        if self.threads > MAX_THREADS:
            raise UsageError(f"--threads must be at most {MAX_THREADS}")
        if self.shards < 1:
            raise UsageError("--shards must be at least 1")
        if self.shards > MAX_SHARDS:
            raise UsageError(f"--shards must be at most {MAX_SHARDS}")


@dataclass(frozen=True)
class DataConfig:
    """The dataset a run was made from: where it was, what kind it is, and the digest that it must still have."""

    root: str
    kind: str
    digest: str
    items: int
    synthetic: bool


@dataclass(frozen=True)
class SplitConfig:
    """How the items were split, and the digest of the result."""

    name: str
    seed: int
    folds: int
    fold: int
    digest: str


@dataclass(frozen=True)
class _Plain:
    """The fields of `RunConfig` that are neither dataclasses nor free, for their types."""

    model: str
    classes: tuple[str, ...]
    seed: int
    versions: dict[str, str]
    created: str


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides a run's result, and where its data came from."""

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

    @property
    def digest(self) -> str:
        """SHA-256 of what decides the weights (see `toolkit.data.run_folder.config_digest`)."""
        return config_digest(self._values())

    def to_dict(self) -> dict[str, Any]:
        """Return the value of `config.json`."""
        return {"format": 1, **self._values(), "classes": list(self.classes), "digest": self.digest}

    def _values(self) -> dict[str, Any]:
        """Return the fields; a recipe that keeps the last epoch has no `keep`, so that its digest stays what it is."""
        values = asdict(self)
        if self.recipe.keep == "last":
            del values["recipe"]["keep"]
        return values

    @classmethod
    def from_dict(cls, value: Any, where: str) -> RunConfig:
        """Return the configuration in a `config.json`.

        Raises
        ------
        RunError
            If the value is of an unknown format, lacks a field, has one of another type or has been edited.
        """
        if not isinstance(value, dict):
            raise RunError(f"{where}: not a run's configuration (no object): start the run again")
        if value.get("format") != 1:
            raise RunError(
                f"{where}: format {value.get('format')!r} is not known here: train the run again or use its own version"
            )
        try:
            parts: dict[str, Any] = {field.name: value[field.name] for field in fields(cls)}
            if isinstance(parts["recipe"], dict):
                parts["recipe"] = {"keep": "last", **parts["recipe"]}
            for name, kind in (("data", DataConfig), ("split", SplitConfig), ("recipe", Recipe), ("compute", Compute)):
                from_json(kind, parts[name], name)  # types alone: the values stay as they were digested
                parts[name] = kind(**parts[name])
            from_json(_Plain, {field.name: parts[field.name] for field in fields(_Plain)})
            if not isinstance(parts["front_end"], dict):
                raise StrictError("front_end is not an object")
            config = cls(**parts | {"classes": tuple(parts["classes"])})
            digest = config.digest
        except KeyError as error:
            raise RunError(f"{where}: not a run's configuration ({error} is missing): start the run again") from None
        except (UsageError, ValueError) as error:
            raise RunError(f"{where}: not a run's configuration ({error}): start the run again") from None
        if value.get("digest") != digest:
            raise RunError(f"{where}: its digest does not fit its content: it was edited; start a new run instead")
        return config
