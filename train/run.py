"""A run from its first file to its last: start it, carry it on, finish it."""

from __future__ import annotations

import fcntl
import importlib.metadata
import platform
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from toolkit.data import run_folder
from toolkit.errors import RunError, UsageError
from toolkit.files import read_json, remove_leftovers, write_json, write_text
from toolkit.frontend.spec import FrontEnd
from train import checkpoint, confidence, multi_label
from train.backbones.held_out import check_held_out
from train.backbones.shots import check_shots
from train.backbones.weights import Weights
from train.config import HEAD_FILE, Compute, Recipe, RunConfig
from train.data import Dataset, Listener, Steps, Trained, load_part, reopen_dataset
from train.device import gpu_versions
from train.registry import find_network

PACKAGES = ("tensorflow", "tf-keras", "numpy")
PREDICTIONS, REPORT = "predictions.json", "report.md"


def versions(device: str, *, pretrained: bool = False) -> dict[str, str]:
    """Return what moves a result besides its configuration: Python, TensorFlow, Keras, NumPy; a GPU and its cuDNN."""
    installed = {"python": platform.python_version()}
    names = (*PACKAGES, "scipy") if pretrained else PACKAGES  # which fits the head of a pretrained backbone
    installed |= {name: importlib.metadata.version(name) for name in names}
    return installed | gpu_versions() if device == "gpu" else installed


def new_config(
    network: str,
    dataset: Dataset,
    spec: FrontEnd,
    seed: int,
    recipe: Recipe,
    compute: Compute,
    backbone: Weights | None = None,
) -> RunConfig:
    """Return the configuration of a run that starts now, of the network that `find_network` knows by this name.

    `backbone` are the published weights that it starts from.
    """
    return RunConfig(
        model=find_network(network).name,
        network=network if ":" in network else None,
        multi_label=dataset.multi_label,
        backbone=backbone,
        classes=dataset.index.classes,
        seed=seed,
        data=dataset.data,
        split=dataset.split_config,
        front_end=spec.to_dict(),
        recipe=recipe,
        compute=compute,
        versions=versions(compute.device, pretrained=backbone is not None),
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )


def create(root: Path, name: str | None, config: RunConfig, dataset: Dataset) -> Path:
    """Make the folder of a new run and write its split and configuration; return the folder.

    Raises `UsageError` if a run of that name exists, or the classes have too few clips for the run.
    """
    if config.few_shot:
        check_shots(config.few_shot, dataset)
    if config.hold_out:
        check_held_out(dataset)
    stamp = config.created.replace("-", "").replace(":", "").replace("T", "-").rstrip("Z")
    folder = root / (name or f"{stamp}-{config.model}-{config.split.name}-s{config.seed}")
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise UsageError(f"{folder}: this run exists: choose another --name, or go on with --resume {folder}") from None
    try:
        write_json(folder / run_folder.SPLIT, dataset.split.to_dict())
        write_json(folder / run_folder.CONFIG, config.to_dict())
    except Exception:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def discard(folder: Path) -> None:
    """Delete the folder of a run that failed before its first checkpoint: there is nothing in it to go on from.

    A folder that another process works in is left alone.
    """
    with suppress(RunError, OSError), locked(folder):
        if not (folder / checkpoint.FILE).exists() and not (folder / run_folder.METRICS).exists():
            shutil.rmtree(folder)


def load_config(folder: Path) -> RunConfig:
    """Return the configuration of the run in `folder`.

    Raises `RunError` if there is none or it is damaged.
    """
    path = folder / run_folder.CONFIG
    try:
        value = read_json(path)
    except FileNotFoundError:
        raise RunError(f"{folder}: not a run folder (it has no {run_folder.CONFIG})") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: cannot be read ({error}): start the run again") from None
    return RunConfig.from_dict(value, str(path))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run's folder, so that two processes never train one run.

    Raises `RunError` if another process holds it.
    """
    with (folder / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(f"{folder}: another process is training this run: wait for it or stop it") from None
        yield


def work(folder: Path, config: RunConfig, dataset: Dataset, cache: Path | None, listener: Listener) -> dict[str, Any]:
    """Train the run in `folder` to its end, from its checkpoint where it has one, and write its results.

    `metrics.json` is written last: a run that has it is finished. Returns its value.

    Raises `RunError` if another process trains this run or has finished it, its checkpoint is damaged, or the training
    diverges.
    """
    from train.build import save_model

    with locked(folder):
        if (folder / run_folder.METRICS).exists():
            raise RunError(f"{folder}: another process has finished this run: there is nothing to resume")
        remove_leftovers(folder)
        write_json(folder / run_folder.SPLIT, dataset.split.to_dict())  # the run's own, which may be damaged
        seen = replace(dataset, split=replace(dataset.split, test=())) if config.no_test else dataset
        trained = _trained(config, seen, folder, cache, listener)
        save_model(trained.model, folder / run_folder.MODEL)
        result = result_of(config, dataset, trained)
        write_results(folder, config, trained, result)
        checkpoint.remove(folder)
    return result


def result_of(config: RunConfig, dataset: Dataset, trained: Trained) -> dict[str, Any]:
    """Return the value of `metrics.json`."""
    from train.evaluate import measure_parts

    measure = multi_label.measure_parts if config.multi_label else measure_parts
    result = {
        "test": None,
        **measure(trained.predicted, config.classes),
        "epochs": len(trained.history),
        "final": trained.history[-1],
        "seconds": round(sum(entry["seconds"] for entry in trained.history), 1),
        **trained.measured,
    }
    background = getattr(dataset.index, "background", None)
    if (config.backbone or background) and not config.multi_label:
        seconds = FrontEnd.from_dict(config.front_end).window_seconds
        result = confidence.measured(trained.predicted, config.classes, background, seconds) | result
    if recordings := dataset.recordings:
        result["takes"] = {"clips": len(recordings), "recordings": len(set(recordings.values()))}
    return result


def _trained(config: RunConfig, dataset: Dataset, folder: Path, cache: Path | None, listener: Listener) -> Trained:
    """Return what the training leaves: a head on a backbone's features, or a network of its own."""
    if config.backbone:
        from train.backbones.frozen import train_head

        return train_head(config, dataset, folder, cache, listener)
    from train.evaluate import predictions
    from train.fitted import fitted

    parts, model, history = fitted(config, dataset, folder, cache, listener)
    if names := dataset.split.test:
        parts["test"] = load_part(dataset, names, FrontEnd.from_dict(config.front_end), cache, listener.steps)
    return Trained(model, history, {name: predictions(model, part, config.compute) for name, part in parts.items()})


def write_results(folder: Path, config: RunConfig, trained: Trained, result: dict[str, Any]) -> None:
    """Write the history, the predictions, the plots, the report and, last, the metrics."""
    from train.plots import plot_confusion, plot_history, plot_strengths, save_plot
    from train.report import run_report
    from train.results import HISTORY

    history, predicted = trained.history, trained.predicted
    write_json(folder / HISTORY, history)
    write_json(folder / PREDICTIONS, predicted)
    if "strength" in history[-1]:
        score = "mAP" if config.multi_label else "accuracy"
        save_plot(plot_strengths, read_json(folder / HEAD_FILE)["trials"], score, folder / "history.png")
    else:
        save_plot(plot_history, history, folder / "history.png")
    for name in predicted if not config.multi_label else ():
        title = f"{config.model}, {name}: {result[name]['correct']}/{result[name]['n']} correct"
        target = folder / f"confusion-{name}.png"
        save_plot(plot_confusion, result[name]["confusion"], list(config.classes), title, target)
    write_text(folder / REPORT, run_report(config, result, history, trained.sections))
    write_json(folder / run_folder.METRICS, result)


def resume(folder: Path, root: Path | None, steps: Steps) -> tuple[RunConfig, Dataset]:
    """Return the configuration and the unchanged dataset of an unfinished run.

    Raises `RunError` if the run is finished, other versions are installed, or the dataset changed.
    """
    config = load_config(folder)
    if (folder / run_folder.METRICS).exists():
        raise RunError(f"{folder}: this run is finished: there is nothing to resume")
    if config.versions != versions(config.compute.device, pretrained=config.backbone is not None):
        was = ", ".join(f"{name} {version}" for name, version in config.versions.items())
        raise RunError(f"{folder}: this run began with other versions ({was}): install those, or start a new run")
    dataset = reopen_dataset(config, root, folder, steps)
    if root is not None:
        config = replace(config, data=replace(config.data, root=dataset.data.root))
    return config, dataset
