"""The front end beside librosa: its speed, and its pictures beside the public ones."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.arguments import MOST, PROG, add_data, destination
from benchmarks.measure import clips as audio_clips
from benchmarks.measure.frontend import LIBROSA, Fidelity, SpeedRow, measure_fidelity, measure_speed
from benchmarks.report import output
from benchmarks.report.output import PACKAGES, Record, Table
from benchmarks.report.table import NONE
from toolkit.audio import decode
from toolkit.command import Parser
from toolkit.data import synthetic
from toolkit.data.folder_tree import GTZAN_FOLDERS
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


def parser() -> Parser:
    """Return the parser of `frontend`."""
    parser = Parser(
        prog=f"{PROG} frontend", description="The front end against librosa: speed, and the pictures' fidelity."
    )
    parser.add_argument("--clips", type=int, default=5, metavar="N", help="audio files to time (%(default)s)")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="times per audio file (%(default)s)")
    add_data(parser)
    return parser


def main(arguments: argparse.Namespace) -> int:
    """Compare the front end with librosa and its pictures with the public ones."""
    for name in ("clips", "repeats"):
        if not 1 <= getattr(arguments, name) <= MOST:
            raise UsageError(f"--{name} is {getattr(arguments, name)}: use 1 to {MOST}")
    named = output.named_data(arguments.data)
    record = Record.begin((*PACKAGES, "librosa", "scipy"))
    with progress("comparing pictures") as report:
        comparison = compare_front_ends(named, arguments.clips, arguments.repeats, report)
    shown = Table("Front end", HEADERS, [cells(row) for row in comparison.speed])
    record.publish(destination(arguments), shown, notes(comparison), asdict(comparison))
    return 0


def compare_front_ends(data: Path | None, clips: int, repeats: int, progress: Progress) -> Comparison:
    """Measure the front end on `clips` audio files of a dataset, on synthetic clips without one.

    Raises `DatasetError` if the dataset has no audio files.
    """
    if data is None:
        sounds = [synthetic.clip(label, 0) for label in synthetic.CLASSES[:clips]]
        return Comparison(f"{len(sounds)} synthetic clips of 30 s", measure_speed(sounds, repeats), None)
    paths = audio_clips.audio_files(data)
    if not paths:
        raise DatasetError(f"{data}: has no audio files in class folders: name another dataset with --data")
    chosen = sorted({round(place) for place in np.linspace(0, len(paths) - 1, clips)})
    speed = measure_speed([decode.load(paths[place], PICTURE.sample_rate) for place in chosen], repeats)
    is_gtzan = all((data / name).is_dir() for name in GTZAN_FOLDERS.values())
    fidelity = measure_fidelity(data, progress) if is_gtzan else None
    return Comparison(f"{len(chosen)} clips of the dataset", speed, fidelity)


def cells(row: SpeedRow) -> tuple[str, ...]:
    """Return a way's texts, one for each of `HEADERS`."""
    ratio = NONE if row.ratio is None else f"{row.ratio:.2f}"
    return (row.name, row.result, f"{row.median_ms:.1f}", f"{row.p90_ms:.1f}", ratio)


def notes(comparison: Comparison) -> Sequence[str]:
    """Return what was measured and how near the pictures are, in sentences."""
    repeats, fidelity = comparison.speed[0].repeats, comparison.fidelity
    sentences = [f"Speed: {comparison.sounds}, each {repeats} times in a row, the ways in turns, one thread."]
    if all(row.name != LIBROSA for row in comparison.speed):
        sentences.append("librosa is not installed, so it is left out (try: pip install 'gtzanet-edge[bench]').")
    if fidelity is None:
        sentences.append("The fidelity of the pictures was not measured: that needs GTZAN's sounds and pictures.")
    else:
        sentences.append(
            f"Fidelity to the public pictures on {len(fidelity.clips)} clips: {fidelity.identical:.5%} of the pixels "
            f"in the frame are identical; mean deviation {fidelity.mean_deviation:.4f} of 255, worst "
            f"{fidelity.worst_deviation:.4f} ({fidelity.worst_clip})."
        )
    return sentences
