"""One file that holds all a run needs to go on: weights, optimizer, schedule, history. Whole or absent."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.error_text import first_line
from toolkit.errors import RunError
from toolkit.files import atomic_path, remove_leftovers
from train.results import check_epoch
from train.schedule import Plateau

FILE = "checkpoint.npz"
KINDS = ("weights", "optimizer", "best", "average")


@dataclass(frozen=True)
class Checkpoint:
    """A run's state after `epoch` finished epochs.

    `weights` and `optimizer` are arrays in the order of the model's and the optimizer's variables; `run` is the
    digest of the run's configuration, so that a checkpoint cannot carry another run on. `best` holds the weights of the
    best epoch, where the run keeps that one; `average` the averages of the weights, where the run has them.
    """

    run: str
    epoch: int
    plateau: Plateau
    history: tuple[dict[str, Any], ...]
    weights: tuple[np.ndarray, ...]
    optimizer: tuple[np.ndarray, ...]
    best: tuple[np.ndarray, ...] = ()
    average: tuple[np.ndarray, ...] = ()

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """All of it, as arrays with names; the SHA-256 digest of the others is among them."""
        state = {"run": self.run, "epoch": self.epoch, "plateau": asdict(self.plateau), "history": list(self.history)}
        arrays = {"state": np.frombuffer(json.dumps(state).encode(), np.uint8)}
        for what in KINDS:
            arrays |= {f"{what}_{number:03}": array for number, array in enumerate(getattr(self, what))}
        return arrays | {"digest": np.frombuffer(_digest(arrays), np.uint8)}

    def save(self, folder: Path) -> None:
        """Write the checkpoint into a run's folder, in place of the last one."""
        with atomic_path(folder / FILE) as temporary:
            np.savez(temporary, **self.arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, folder: Path) -> Checkpoint | None:
        """Return the checkpoint in a run's folder, or None where there is none yet.

        Raises `RunError` if the file is damaged.
        """
        path = folder / FILE
        if not path.exists():
            return None
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            digest = arrays.pop("digest", None)  # the first checkpoints have none
            if digest is not None and digest.tobytes() != _digest(arrays):
                raise ValueError("its digest does not fit its content")
            state = json.loads(arrays["state"].tobytes())
            history = tuple(state["history"])
            for entry in history:
                check_epoch(entry, "history")
            if len(history) != state["epoch"]:
                raise ValueError(f"{len(history)} epochs of history, but {state['epoch']!r} finished")
            kinds = (_numbered(arrays, what) for what in KINDS)
            return cls(state["run"], state["epoch"], Plateau(**state["plateau"]), history, *kinds)
        except Exception as error:  # what a flipped bit can raise in zipfile and NumPy is beyond listing
            raise RunError(
                f"{path}: damaged checkpoint ({first_line(error)}): delete it to train this run from its start"
            ) from None


def _digest(arrays: dict[str, np.ndarray]) -> bytes:
    """Return the SHA-256 digest of the arrays' names, types, shapes and bytes."""
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.digest()


def _numbered(arrays: dict[str, np.ndarray], what: str) -> tuple[np.ndarray, ...]:
    """Return the arrays called `what`_000, `what`_001 and so on; raise `ValueError` where one is missing."""
    count = sum(name.startswith(f"{what}_") for name in arrays)
    names = [f"{what}_{number:03}" for number in range(count)]
    missing = [name for name in names if name not in arrays]
    if missing:
        raise ValueError(f"{missing[0]} is missing")
    return tuple(arrays[name] for name in names)


def remove(folder: Path) -> None:
    """Delete a run's checkpoint and what a killed process left of one."""
    (folder / FILE).unlink(missing_ok=True)
    remove_leftovers(folder)
