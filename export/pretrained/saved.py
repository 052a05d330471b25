"""A pretrained network as a Keras file: `train` knows these networks, and a process of it writes one.

`train` and `export` share files, no code: what a network is stands in a JSON file beside it.
"""

from __future__ import annotations

import subprocess
import sys
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
    command = [sys.executable, "-m", "train", "backbone", "save", network, "--part", part, "--output", str(path)]
    if seconds is not None:
        command += ["--window", str(seconds)]
    error = ""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
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
        raise failure(error or f"python -m train backbone save {network} ended with code {process.returncode}")
    try:
        return path, from_json(Pretrained, read_json(path.with_suffix(".json")))
    except (OSError, ValueError, StrictError) as error_of_json:
        raise RunError(f"what python -m train backbone save wrote cannot be read ({error_of_json})") from None
