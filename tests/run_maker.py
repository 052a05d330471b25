"""A finished run over a small made-up tree of pictures, or of sounds, without training: the last layer is solved by
least squares.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from toolkit.data.dataset import build_index
from toolkit.data.features import load_windows
from toolkit.data.run_folder import config_digest
from toolkit.data.splits import make_split
from toolkit.data.synthetic import CLASSES as SOUND_CLASSES
from toolkit.data.synthetic import clip
from toolkit.files import write_json
from toolkit.frontend.picture import paint, save_png
from toolkit.frontend.presets import PRESETS
from toolkit.frontend.spec import PICTURE
from train import edgenet
from train.backbones import backbone
from train.backbones.weights import locate
from train.evaluate import measure

CLASSES = ("high", "low", "mid", "wide")
PER_CLASS = 8
MODELS = ("gtzanet", "zfnet", "edgenet")
BACKBONES = {backbone.name: backbone for backbone in backbone.BACKBONES}
"""Pretrained networks: their weights are where GTZANET_BACKBONES says, and their front ends need sounds."""
FRONT_ENDS = {
    "gtzanet": PICTURE,
    "zfnet": PICTURE,
    "edgenet": PRESETS["mel-grid"],
    "mn04": replace(PRESETS["efficientat"], window_seconds=2.0),
    "yamnet": replace(PRESETS["yamnet"], window_seconds=2.0, hop_seconds=0.0),
}
SOUND_SECONDS, SOUND_RATE = 2.0, 32_000
ZFNET_SHARE = 1 / 16
PLAN = "conv2=dynamic,conv4=int8,last=dynamic"
"""The mixture that is exported, of layers that the two pictures' networks have."""
PLANS = {
    "edgenet": PLAN.replace("last", "dense"),
    "mn04": "block7_project=dynamic,block14_expand=int8,head=dynamic",
    "yamnet": "block7_pointwise=dynamic,block9_pointwise=int8,head=dynamic",
}


def class_db(number: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return dB values (128, 1293) of class `number`: noise with its energy in that class's bands."""
    centre, width = ((100, 10), (20, 10), (60, 10), (64, 60))[number]
    bands = np.exp(-0.5 * ((np.arange(128) - centre) / width) ** 2)[:, None]
    return (80 * (bands * rng.uniform(0.4, 1, (128, 1293)) - 1)).astype(np.float32)


def write_pictures(root: Path, per_class: int = PER_CLASS) -> Path:
    """Write a picture tree of `CLASSES` to `root` and return it."""
    rng = np.random.default_rng(7)
    for number, name in enumerate(CLASSES):
        (root / name).mkdir(parents=True)
        for place in range(per_class):
            save_png(paint(class_db(number, rng)), root / name / f"{place:03}.png")
    return root


def write_sounds(root: Path, per_class: int = PER_CLASS) -> Path:
    """Write a tree of short sounds of four classes to `root` and return it."""
    for label in SOUND_CLASSES[: len(CLASSES)]:
        (root / label).mkdir(parents=True)
        for place in range(per_class):
            sound = clip(label, place, seconds=SOUND_SECONDS, rate=SOUND_RATE)
            soundfile.write(root / label / f"{place:03}.wav", sound, SOUND_RATE)
    return root


def network(name: str, classes: int) -> Any:
    """Return a Keras network whose last layer is untrained.

    GTZANet, ZFNet with a sixteenth of its channels and edgenet are so as a whole; a pretrained one has its weights.
    """
    import tf_keras

    layers = tf_keras.layers
    tf_keras.utils.set_random_seed(3)
    if name == "edgenet":
        return edgenet.build(FRONT_ENDS[name].shape, classes)
    if name in BACKBONES:
        copy = locate(BACKBONES[name].published)
        assert copy is not None, f"GTZANET_BACKBONES names no folder with the weights of {name}"
        model = BACKBONES[name].build(FRONT_ENDS[name].shape, classes)
        BACKBONES[name].load(model, copy.path)
        return model
    body: list[Any] = [layers.InputLayer((288, 432, 3), name="picture"), layers.Rescaling(1 / 255)]
    if name == "gtzanet":
        for place, filters in enumerate((8, 16, 32, 64, 128)):
            body += [layers.Conv2D(filters, 3, activation="relu", name=f"conv{place}"), layers.MaxPool2D(3, 2)]
        body += [layers.Flatten(), layers.Dropout(0.3)]
    else:
        for place, (filters, kernel) in enumerate(((96, 7), (256, 5))):
            size = int(filters * ZFNET_SHARE)
            body += [layers.Conv2D(size, kernel, 2, activation="relu", name=f"conv{place}"), layers.MaxPool2D(3, 2)]
            body += [layers.LayerNormalization(axis=(1, 2, 3), center=False, scale=False, epsilon=1e-12)]
        for place, filters in enumerate((384, 384, 256), start=2):
            body += [layers.Conv2D(int(filters * ZFNET_SHARE), 3, activation="relu", name=f"conv{place}")]
        body += [layers.MaxPool2D(3, 2), layers.Flatten()]
        body += [layers.Dense(256, name="dense0"), layers.Dense(256, name="dense1")]
    body += [layers.Dense(classes, name="last"), layers.Activation("softmax", dtype="float32", name="scores")]
    return tf_keras.Sequential(body, name=name)


def solve_last_layer(model: Any, pictures: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
    """Set the weights of the last dense layer so that it tells the classes apart (ridge regression on its input)."""
    import tf_keras

    last = model.layers[-2]
    features = (
        tf_keras.Model(model.input, last.input)
        .predict(pictures.astype(np.float32), batch_size=8, verbose=0)
        .astype(np.float64)
    )
    mean = features.mean(axis=0)
    centred = features - mean
    gram = centred @ centred.T
    # Kernels that are untrained, or trained on other sounds, see far more in noise than in what is solved for.
    logit = {"gtzanet": 8.0, "zfnet": 8.0, "edgenet": 2.0}.get(model.name, 1.0)
    targets = logit * (np.eye(len(CLASSES))[labels] - 1 / len(CLASSES))
    kernel = centred.T @ np.linalg.solve(gram + 1e-3 * np.trace(gram) / len(gram) * np.eye(len(gram)), targets)
    last.set_weights([kernel.astype(np.float32), (-mean @ kernel).astype(np.float32)])


def settle_statistics(model: Any, inputs: NDArray[np.uint8]) -> None:
    """Set batch normalisation's moving statistics to those of the training inputs."""
    for _ in range(40):
        model(inputs.astype(np.float32), training=True)


def make_run(
    folder: Path,
    data: Path,
    model_name: str = "gtzanet",
    *,
    synthetic: bool = False,
    change: Callable[[Any, NDArray[np.uint8]], None] | None = None,
) -> Path:
    """Write a finished run of `model_name` over the picture tree `data` to `folder` and return it.

    `change` may change the model's weights, given the training pictures, before its last layer is solved.
    """
    index = build_index(data)
    split = make_split("stratified", index, seed=0, folds=4, fold=0)
    parts = {
        part: (
            load_windows(index, items, FRONT_ENDS[model_name]).values,
            np.array([index.classes.index(item.label) for item in items]),
        )
        for part in ("train", "validation")
        for items in [[index.by_name[name] for name in getattr(split, part)]]
    }
    model = network(model_name, len(index.classes))
    if model_name == "edgenet":
        settle_statistics(model, parts["train"][0])
    if change is not None:
        change(model, parts["train"][0])
    solve_last_layer(model, *parts["train"])
    folder.mkdir(parents=True)
    model.save(folder / "model.keras")
    config = {
        "format": 1,
        "model": model_name,
        "classes": list(index.classes),
        "seed": 0,
        "data": {
            "root": str(data),
            "kind": index.kind,
            "digest": index.digest,
            "synthetic": synthetic,
            "items": len(index.items),
            "cache": None,
        },
        "split": {"name": split.name, "seed": 0, "folds": 4, "fold": 0, "digest": split.digest},
        "front_end": FRONT_ENDS[model_name].to_dict(),
        "recipe": {"epochs": 0},
        "precision": "float32",
        "versions": {},
        "created": "2026-01-01T00:00:00",
    }
    if model_name in BACKBONES:
        config["backbone"] = asdict(BACKBONES[model_name].published[0])
    write_json(folder / "config.json", {**config, "digest": config_digest(config)})
    write_json(folder / "split.json", split.to_dict())
    pictures, labels = parts["validation"]
    predicted = model.predict(pictures.astype(np.float32), batch_size=8, verbose=0)
    measured = measure({"probabilities": predicted.tolist(), "labels": labels.tolist()}, index.classes)
    write_json(folder / "metrics.json", {"validation": measured, "test": None, "epochs": 0})
    return folder


def shared_folder(base: Path) -> Path:
    """Return where a session keeps what its tests share: `base`, its parent for one of several workers, or MADE."""
    return Path(os.environ.get("MADE", base.parent if "PYTEST_XDIST_WORKER" in os.environ else base))


def made_run(base: Path, model_name: str) -> Path:
    """Return a run of `model_name`, made at the first call of a test session; `base` is the worker's folder."""
    base = shared_folder(base)
    kind, write = ("sounds", write_sounds) if model_name in BACKBONES else ("pictures", write_pictures)
    data = made_once(base / f"made-{kind}", write)
    return made_once(base / "made-runs" / model_name, lambda run: make_run(run, data, model_name))


def made_artifacts(base: Path, model_name: str, level: str | None = None) -> Path:
    """Return a folder with every file of `made_run`, for an input other than the network's if it is named.

    A process of its own exports them at the first call of a test session: what tests did to the worker's environment
    changes no byte. Where there is no TensorFlow, the variable MADE names the base folder of a session that has made
    them.
    """

    def make(output: Path) -> None:
        done = exported(made_run(base, model_name), output, *(["--input", level] if level else []))
        assert done.returncode == 0, done.stderr

    folder = "-".join(filter(None, ("made-artifacts", level)))
    return made_once(shared_folder(base) / folder / model_name, make)


def made_page(base: Path, model_name: str, engine: Path) -> Path:
    """Return the folder of `made_run`'s page, beside the files of ONNX Runtime Web of the folder `engine`."""

    def make(output: Path) -> None:
        options = ["--format", "web", "--vendor", str(engine), "--output", str(output)]
        command = [sys.executable, "-m", "export", str(made_run(base, model_name)), *options]
        done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=800)
        assert done.returncode == 0, done.stderr

    return made_once(shared_folder(base) / "made-pages" / model_name, make)


def made_once(folder: Path, make: Callable[[Path], object]) -> Path:
    """Return a folder that the first worker makes that needs it; others wait for it, and for nothing else."""
    import fcntl

    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not folder.is_dir():
            try:
                make(folder)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)  # half a folder is nobody's
                raise
    return folder


def exported(run: Path, output: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Export every file of a made run in a process of its own."""
    options = ["--format", "all", "--quantize", "all", "--calibration", "16", "--max-drop", "10", "--no-speed"]
    options += ["--plan", PLANS.get(run.name, PLAN), "--output", str(output)]
    command = [sys.executable, "-m", "export", str(run), *options, *more]
    theirs = ("TF_ENABLE_ONEDNN_OPTS", "ONEDNN_MAX_CPU_ISA")  # what another test may have set for its own process
    environment = {key: value for key, value in os.environ.items() if key not in theirs}
    root = Path(__file__).parents[1]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=800)
