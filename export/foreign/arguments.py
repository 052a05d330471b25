"""The flags of a Keras model that was not trained here, and the job they describe."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from export.foreign.axes import AXES
from export.foreign.pipeline import Job
from toolkit.artifact.card_checks import ACTIVATIONS
from toolkit.artifact.label_files import read_labels
from toolkit.command import Parser
from toolkit.errors import ArtifactError, UsageError
from toolkit.frontend.presets import PRESETS, front_end

FLAGS = ("labels", "front_end", "window", "split", "calibration_sounds", "axes", "activation")


def add_flags(parser: Parser) -> None:
    """Add the flags that belong to a Keras model of somebody else's."""
    add = parser.add_argument_group("a Keras model that was not trained here (.keras, .h5, SavedModel)").add_argument
    add("--labels", type=Path, metavar="FILE", help="in the order of its output: one per line, or CSV of their names")
    add("--front-end", metavar="NAME|FILE", help=f"what it hears: {', '.join(PRESETS)}, or a JSON file")
    add("--window", type=float, metavar="SECONDS", help="how much sound it hears at once, if not as the front end says")
    add("--split", metavar="NAME", help="how --data is divided; it is checked on the validation part")
    sounds_help = "any sounds, without labels, to compare and calibrate on instead of --data"
    add("--calibration-sounds", type=Path, metavar="DIR", help=sounds_help)
    axes_help = f"what the axes of its input are, if several fit: {' '.join(AXES)}"
    add("--axes", choices=AXES, metavar="NAMES", help=axes_help)
    add("--activation", choices=ACTIVATIONS, help="whether one label fits a clip, or several, if it does not show")


def job_of(path: Path, arguments: argparse.Namespace) -> Job:
    """Return the job that arguments describe; raise `UsageError` where they do not go together."""
    if arguments.labels is None or arguments.front_end is None:
        raise UsageError(
            f"{path}: a Keras model needs --labels FILE and --front-end NAME, which it does not hold itself"
        )
    if arguments.qat is not None:
        raise UsageError("--qat belongs to a run: a Keras model from elsewhere is fine-tuned where it was trained")
    if arguments.split and arguments.data is None:
        raise UsageError("--split needs --data: it divides a dataset")
    if arguments.calibration_sounds and arguments.data:
        raise UsageError("--calibration-sounds is for a model without --data, which has training clips: name one")
    spec = front_end(arguments.front_end)
    flag = "--window"
    try:
        if arguments.window is not None:
            spec = replace(spec, window_seconds=arguments.window)
        flag = "--labels"
        labels = read_labels(arguments.labels)
    except (ArtifactError, UsageError) as error:
        raise UsageError(f"{flag}: {error}") from None
    return Job(
        path=path,
        labels=labels,
        front_end=spec,
        data=arguments.data,
        split=arguments.split,
        sounds=arguments.calibration_sounds,
        axes=arguments.axes,
        activation=arguments.activation,
    )


def check_run_flags(path: Path, arguments: argparse.Namespace) -> None:
    """Raise `UsageError` where flags of a Keras model are given with a run."""
    if given := [flag for flag in FLAGS if getattr(arguments, flag) is not None]:
        name = given[0].replace("_", "-")
        if not path.exists():
            raise UsageError(f"{path}: no such file: name a Keras model, which --{name} belongs to")
        raise UsageError(
            f"--{name} belongs to a Keras model: a run holds it; name a .keras file or a SavedModel folder"
        )
