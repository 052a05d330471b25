"""Run `python -m train` in this process and die where a test says: `driver.py POINT ARGUMENTS...`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def plant(point: str) -> None:
    """Arrange for this process to be killed at `point`."""
    import numpy as np

    from toolkit.files import write_json
    from train import crops, run
    from train.checkpoint import Checkpoint

    save, savez = Checkpoint.save, np.savez
    if point == "mid-epoch":
        order = crops.EpochWindows.order

        class Dying(np.ndarray):
            """The second slice taken of an epoch's order kills the process: one step is done."""

            def __getitem__(self, key: Any) -> Any:
                if isinstance(key, slice) and key.start:
                    die()
                return np.asarray(self)[key]

        crops.EpochWindows.order = lambda *values: order(*values).view(Dying)  # type: ignore[method-assign]
    elif point == "after-checkpoint":

        def save_and_die(self: Checkpoint, folder: Path) -> None:
            save(self, folder)
            die()

        Checkpoint.save = save_and_die  # type: ignore[method-assign]
    elif point == "half-checkpoint":

        def half(path: Path, **arrays: Any) -> None:
            savez(path, **arrays)
            path.write_bytes(path.read_bytes()[:1000])
            die()

        vars(np)["savez"] = half
    elif point == "before-metrics":

        def write_or_die(path: Path, value: Any) -> None:
            die() if path.name == "metrics.json" else write_json(path, value)

        vars(run)["write_json"] = write_or_die
    elif point != "nowhere":
        raise SystemExit(f"no such point: {point}")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from train import cli, start

    prepare = vars(cli)["prepare"]

    def prepare_and_plant(*values: Any) -> Any:
        """TensorFlow must be prepared before `train.fit` brings it in."""
        compute = prepare(*values)
        plant(sys.argv[1])
        return compute

    for module in (cli, start):
        vars(module)["prepare"] = prepare_and_plant
    raise SystemExit(cli.entry(sys.argv[2:]))
