"""The front ends beside librosa: their speed, and the paper's pictures beside the public ones."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.arguments import MOST, PROG, add_data, destination
from benchmarks.measure import clips as audio_clips
from benchmarks.measure.frontend import Fidelity, SpeedRow, measure_fidelity, measure_speed
from benchmarks.report import output, table
from benchmarks.report.output import PACKAGES, Record, Table
from toolkit.audio import decode
from toolkit.audio.samples import to_mono_at
from toolkit.command import Parser
from toolkit.data import synthetic
from toolkit.data.folder_tree import GTZAN_FOLDERS
from toolkit.data.synthetic_voices import RATE
from toolkit.errors import DatasetError, UsageError
from toolkit.frontend.presets import PRESETS, front_end
from toolkit.frontend.spec import PICTURE, FrontEnd
from toolkit.frontend.windows import split_windows
from toolkit.parallel import Progress
from toolkit.progress import progress

HEADERS = ("front end", "a window to", "median ms", "p90 ms", "librosa's median ms", "x librosa")
DEFAULT = "gtzan-picture"
ALL = "all"


@dataclass(frozen=True)
class Comparison:
    """Speed on `sounds` (a text), and fidelity where the dataset has sounds with their public pictures."""

    sounds: str
    repeats: int
    speed: tuple[SpeedRow, ...]
    fidelity: Fidelity | None


def parser() -> Parser:
    """Return the parser of `frontend`."""
    parser = Parser(
        prog=f"{PROG} frontend", description="The front ends against librosa: speed, and the pictures' fidelity."
    )
    parser.add_argument(
        "--front-end",
        default=DEFAULT,
        metavar="NAME|FILE|all",
        help=f"a preset ({', '.join(PRESETS)}), a JSON file, or all presets (%(default)s)",
    )
    parser.add_argument("--clips", type=int, default=5, metavar="N", help="audio files to time (%(default)s)")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="times per audio file (%(default)s)")
    add_data(parser)
    return parser


def main(arguments: argparse.Namespace) -> int:
    """Compare front ends with librosa, and the paper's pictures with the public ones."""
    for name in ("clips", "repeats"):
        if not 1 <= getattr(arguments, name) <= MOST:
            raise UsageError(f"--{name} is {getattr(arguments, name)}: use 1 to {MOST}")
    name = arguments.front_end
    specs = PRESETS if name == ALL else {Path(name).name: front_end(name)}
    named = output.named_data(arguments.data)
    record = Record.begin((*PACKAGES, "librosa", "scipy"))
    with progress("comparing") as report:
        comparison = compare_front_ends(specs, named, arguments.clips, arguments.repeats, report)
    shown = Table("Front end", HEADERS, [cells(row) for row in comparison.speed])
    record.publish(destination(arguments), shown, notes(comparison), asdict(comparison))
    return 0


def compare_front_ends(
    specs: Mapping[str, FrontEnd], data: Path | None, clips: int, repeats: int, progress: Progress
) -> Comparison:
    """Measure front ends on `clips` audio files of a dataset, on synthetic clips without one.

    Raises `DatasetError` if the dataset has no audio files.
    """
    sources: list[Path | NDArray[np.float32]]
    if data is None:
        sources = [synthetic.clip(label, 0) for label in synthetic.CLASSES[:clips]]
        sounds = f"{len(sources)} synthetic clips"
    else:
        paths = audio_clips.audio_files(data)
        if not paths:
            raise DatasetError(f"{data}: has no audio files in class folders: name another dataset with --data")
        sources = [paths[place] for place in sorted({round(place) for place in np.linspace(0, len(paths) - 1, clips)})]
        sounds = f"{len(sources)} clips of the dataset"
    rows = tuple(
        measure_speed(name, spec, [_window(source, spec) for source in sources], repeats)
        for name, spec in specs.items()
    )
    is_gtzan = data is not None and all((data / name).is_dir() for name in GTZAN_FOLDERS.values())
    fidelity = measure_fidelity(data, progress) if data and is_gtzan and PICTURE in specs.values() else None
    return Comparison(sounds, repeats, rows, fidelity)


def _window(source: Path | NDArray[np.float32], spec: FrontEnd) -> NDArray[np.float32]:
    """Return the middle window of an audio file or a synthetic clip."""
    if isinstance(source, Path):
        samples = decode.load(source, spec.sample_rate)
    else:
        samples = to_mono_at(source, RATE, spec.sample_rate)
    windows = split_windows(samples, spec)
    return windows[len(windows) // 2]


def cells(row: SpeedRow) -> tuple[str, ...]:
    """Return a front end's texts, one for each of `HEADERS`."""
    theirs = f"{row.librosa.p50_ms:.2f}" if row.librosa else table.NONE
    times = f"{row.ours.p50_ms:.2f}", f"{row.ours.p90_ms:.2f}"
    return (row.front_end, row.result, *times, theirs, table.ratio(row.ratio))


def notes(comparison: Comparison) -> Sequence[str]:
    """Return what was measured and how near the pictures are, in sentences."""
    fidelity = comparison.fidelity
    sentences = [
        f"Speed: a window of each of {comparison.sounds}, {comparison.repeats} times or more, both in turns of short "
        "bursts, on one thread; times are the thread's on the processor. Of a picture and its cells librosa computes "
        "the decibels alone."
    ]
    if any(row.librosa is None for row in comparison.speed):
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
