"""A pretrained network as a Keras file: `train` knows these networks, and a process of it writes one.

`train` and `export` share files, no code: what a network is stands in a JSON file beside it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from export.options import Report
from toolkit.dataclass_json import StrictError, from_json
from toolkit.errors import RunError, UsageError
from toolkit.files import read_json
from toolkit.frontend.spec import FrontEnd

_ERROR = "python -m train: error: "
MISUSE = 2


@dataclass(frozen=True)
class Pretrained:
    """What a pretrained network is: fields of the JSON file; an embedding's labels number its features."""

    network: str
    labels: tuple[str, ...]
    front_end: FrontEnd
    origin: str
    licence: str
    address: str
    digest: str
    notice: str


def save(network: str, part: str, seconds: float | None, folder: Path, report: Report) -> tuple[Path, Pretrained]:
    """Return the Keras file of a network's part ("tagger" or "embedding"), written to `folder`, and what it is.

    Raises `UsageError` if there is no such network or window, `RunError` if its weights cannot be had.
    """
    path = folder / f"{part}.keras"
    words = ["save", network, "--part", part, "--output", str(path)]
    _train_backbone(words if seconds is None else [*words, "--window", str(seconds)], folder, report)
    try:
        return path, from_json(Pretrained, read_json(path.with_suffix(".json")))
    except (OSError, ValueError, StrictError) as error:
        raise RunError(f"what python -m train backbone save wrote cannot be read ({error})") from None


def class_names(network: str, folder: Path, report: Report) -> list[str]:
    """Return the names of the classes that a network was pretrained on; raises as `save`."""
    return _train_backbone(["classes", network], folder, report).splitlines()


def _train_backbone(words: Sequence[str], folder: Path, report: Report) -> str:
    """Run `python -m train backbone` and return what it prints, which `folder` holds meanwhile."""
    command = [sys.executable, "-m", "train", "backbone", *words]
    error = ""
    printed = folder / "printed.txt"
    with (
        printed.open("w") as stream,
        subprocess.Popen(command, stdout=stream, stderr=subprocess.PIPE, text=True) as process,
    ):
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if line.startswith(_ERROR):
                    error = line.removeprefix(_ERROR).rstrip()
                else:
                    report(line.rstrip())
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        failure = UsageError if process.returncode == MISUSE else RunError
        raise failure(error or f"python -m train backbone {words[0]} ended with code {process.returncode}")
    return printed.read_text()
