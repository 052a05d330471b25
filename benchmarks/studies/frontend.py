"""The front end's comparison as tables: what `python -m benchmarks frontend` measures and shows."""

from __future__ import annotations

import argparse
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.arguments import MOST, PROG, add_data, destination
from benchmarks.measure.frontend import Fidelity, SpeedRow, measure_fidelity, measure_speed
from benchmarks.report import output
from benchmarks.report.output import PACKAGES
from toolkit.audio import decode
from toolkit.command import Parser
from toolkit.data import synthetic
from toolkit.data.dataset import GTZAN_FOLDERS, SUFFIXES
from toolkit.errors import DatasetError, UsageError
from toolkit.frontend.spec import PICTURE
from toolkit.parallel import Progress
from toolkit.progress import progress

HEADERS = ("front end", "from samples to", "median ms", "p90 ms", "x librosa")


@dataclass(frozen=True)
class Comparison:
    """Speed on `sounds` (a text), and fidelity where the dataset has sounds with their public pictures."""

    sounds: str
    speed: tuple[SpeedRow, ...]
    fidelity: Fidelity | None

    def cells(self) -> list[tuple[str, ...]]:
        """Return the speed table's rows, one text for each of `HEADERS`."""
        return [
            (
                row.name,
                row.result,
                f"{row.median_ms:.1f}",
                f"{row.p90_ms:.1f}",
                "-" if np.isnan(row.ratio) else f"{row.ratio:.2f}",
            )
            for row in self.speed
        ]

    def notes(self) -> list[str]:
        """Return what was measured and how true the pictures are, in plain words."""
        repeats = self.speed[0].repeats
        notes = [f"Speed: {self.sounds}, each {repeats} times in a row, the ways in turns, one thread."]
        if all(row.name != "librosa" for row in self.speed):
            notes.append("librosa is not installed, so it is left out (try: pip install 'gtzanet-edge[bench]').")
        if self.fidelity is None:
            notes.append("How true the pictures are was not measured: that needs GTZAN's sounds and pictures.")
        else:
            notes.append(_fidelity_note(self.fidelity))
        return notes


def _fidelity_note(fidelity: Fidelity) -> str:
    return (
        f"Fidelity to the public pictures on {len(fidelity.clips)} clips: {fidelity.identical:.5%} of the pixels in "
        f"the frame are identical; mean deviation {fidelity.mean_deviation:.4f} of 255, worst "
        f"{fidelity.worst_deviation:.4f} ({fidelity.worst_clip})."
    )


def compare_front_ends(data: Path | None, clips: int, repeats: int, progress: Progress) -> Comparison:
    """Measure the front end on `clips` sounds of a dataset (made-up ones without a dataset).

    Raises
    ------
    DatasetError
        If the dataset has no sounds.
    """
    if data is None:
        sounds = [synthetic.clip(label, 0) for label in synthetic.CLASSES[:clips]]
        return Comparison(f"{len(sounds)} made-up clips of 30 s", measure_speed(sounds, repeats), None)
    folders = [data / name for name in GTZAN_FOLDERS.values()]
    tree = data / GTZAN_FOLDERS["audio"] if any(folder.is_dir() for folder in folders) else data
    paths = [path for path in sorted(tree.glob("*/*")) if path.suffix.lower() in SUFFIXES["audio"]]
    if not paths:
        raise DatasetError(f"{data}: has no sounds in class folders: name another dataset with --data")
    chosen = sorted({round(place) for place in np.linspace(0, len(paths) - 1, clips)})
    speed = measure_speed([decode.load(paths[place], PICTURE.sample_rate) for place in chosen], repeats)
    fidelity = measure_fidelity(data, progress) if all(folder.is_dir() for folder in folders) else None
    return Comparison(f"{len(chosen)} clips of the dataset", speed, fidelity)


def parser() -> Parser:
    """Return the parser of `frontend`."""
    parser = Parser(
        prog=f"{PROG} frontend", description="The front end against librosa: speed, and the pictures' truth."
    )
    parser.add_argument("--clips", type=int, default=5, metavar="N", help="sounds to time (%(default)s)")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="times per sound (%(default)s)")
    add_data(parser)
    return parser


def main(arguments: argparse.Namespace) -> int:
    """Compare the front end with librosa and its pictures with the public ones."""
    for name in ("clips", "repeats"):
        if not 1 <= getattr(arguments, name) <= MOST:
            raise UsageError(f"--{name} is {getattr(arguments, name)}: give 1 to {MOST}")
    named = output.named_data(arguments.data)
    record = output.begin((*PACKAGES, "librosa", "scipy"))
    with progress("comparing pictures") as report:
        comparison = compare_front_ends(named, arguments.clips, arguments.repeats, report)
    shown = output.Table("Front end", HEADERS, comparison.cells())
    output.publish(destination(arguments), record, shown, comparison.notes(), _plain(comparison))
    return 0


def _plain(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON values; a ratio to a library that is not installed is null."""
    value = asdict(comparison)
    for row in value["speed"]:
        row["ratio"] = None if math.isnan(row["ratio"]) else row["ratio"]
    return value
