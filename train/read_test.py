"""Read the test part of a run that was trained with `--no-test`: once, when everything is chosen, and on record."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from toolkit.data import run_folder
from toolkit.errors import RunError, UsageError
from toolkit.files import read_json
from toolkit.frontend.spec import FrontEnd
from train import run
from train.config import RunConfig
from train.data import Listener, Trained, load_part, reopen_dataset
from train.results import HISTORY


def check_unread(folder: Path) -> RunConfig:
    """Return the configuration of a finished run whose test part nobody has read.

    Raises `RunError` if the folder holds no finished run, and `UsageError` if its test part was read before.
    """
    metrics = run_folder.Run.load(folder).metrics
    config = run.load_config(folder)
    if when := metrics.get("test_read"):
        raise UsageError(f"{folder}: its test part was read at {when}: the figures are in {folder / run.REPORT}")
    if not config.no_test:
        raise UsageError(f"{folder}: this run was not trained with --no-test: {folder / run.REPORT} has what it tested")
    return config


def read_test(folder: Path, config: RunConfig, root: Path | None, cache: Path | None, listener: Listener) -> Any:
    """Measure the run on its test part, add that to its results with the time, and return `metrics.json`.

    Raises `RunError` if the dataset changed since the run began, or the run's files are damaged.
    """
    import tf_keras

    from train.evaluate import predictions

    with run.locked(folder):
        check_unread(folder)
        dataset = reopen_dataset(config, root, folder, listener.steps)
        part = load_part(dataset, dataset.split.test, FrontEnd.from_dict(config.front_end), cache, listener.steps)
        try:
            model = tf_keras.models.load_model(folder / run_folder.MODEL, compile=False, safe_mode=True)
            history, predicted = (read_json(folder / name) for name in (HISTORY, run.PREDICTIONS))
        except (OSError, ValueError) as error:
            raise RunError(f"{folder}: cannot be read ({error}): train the run again") from None
        predicted |= {"test": predictions(model, part, config.compute)}
        trained = Trained(model, history, predicted)
        result = run.result_of(config, dataset, trained)
        result["test_read"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        run.write_results(folder, config, trained, result)
    return result
