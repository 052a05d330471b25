"""One file that holds all a run needs to go on: weights, optimizer, schedule, history. Whole or absent."""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.errors import RunError
from toolkit.files import atomic_path, remove_leftovers
from train.schedule import Plateau

FILE = "checkpoint.npz"


@dataclass(frozen=True)
class Checkpoint:
    """A run's state after `epoch` finished epochs.

    `weights` and `optimizer` are arrays in the order of the model's and the optimizer's variables; `run` is the
    digest of the run's configuration, so that a checkpoint cannot carry another run on.
    """

    run: str
    epoch: int
    plateau: Plateau
    history: tuple[dict[str, Any], ...]
    weights: tuple[np.ndarray, ...]
    optimizer: tuple[np.ndarray, ...]

    def save(self, folder: Path) -> None:
        """Write the checkpoint into a run's folder, in place of the last one."""
        state = {"run": self.run, "epoch": self.epoch, "plateau": asdict(self.plateau), "history": list(self.history)}
        arrays = {"state": np.frombuffer(json.dumps(state).encode(), np.uint8)}
        arrays |= {f"weights_{number:03}": array for number, array in enumerate(self.weights)}
        arrays |= {f"optimizer_{number:03}": array for number, array in enumerate(self.optimizer)}
        with atomic_path(folder / FILE) as temporary:
            np.savez(temporary, **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, folder: Path) -> Checkpoint | None:
        """Return the checkpoint in a run's folder, or None where there is none yet.

        Raises
        ------
        RunError
            If the file is damaged.
        """
        path = folder / FILE
        if not path.exists():
            return None
        try:
            with np.load(path, allow_pickle=False) as arrays:
                state = json.loads(arrays["state"].tobytes())
                weights = tuple(arrays[name] for name in sorted(arrays.files) if name.startswith("weights_"))
                optimizer = tuple(arrays[name] for name in sorted(arrays.files) if name.startswith("optimizer_"))
            plateau = Plateau(**state["plateau"])
            return cls(state["run"], state["epoch"], plateau, tuple(state["history"]), weights, optimizer)
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise RunError(
                f"{path}: damaged checkpoint ({error}): delete it to train this run from its start"
            ) from None


def remove(folder: Path) -> None:
    """Delete a run's checkpoint and what a killed process left of one."""
    (folder / FILE).unlink(missing_ok=True)
    remove_leftovers(folder)
