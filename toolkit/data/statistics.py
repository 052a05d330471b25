"""What the clips of a dataset are like: lengths, rates, channels, silence, and whether windows suit them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.audio import decode
from toolkit.audio.samples import SILENCE_DB
from toolkit.data.dataset import Index
from toolkit.errors import DatasetError, GtzanetError
from toolkit.frontend.spec import FrontEnd
from toolkit.frontend.windows import window_spans
from toolkit.parallel import Progress, map_threads

PIECE_SECONDS = 0.05
"""A window is taken to begin and end at whole pieces when its level is measured."""
BINS = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 300.0)
"""Where the bins of the histogram of lengths begin, in seconds; the last has no end."""
MANY_WINDOWS = 4


@dataclass(frozen=True, slots=True)
class Clip:
    """An audio file's length, rate and channels, its windows, how many of them are silent, and whether all of it is."""

    seconds: float
    rate: int
    channels: int
    windows: int
    silent_windows: int
    is_silent: bool


@dataclass(frozen=True)
class Statistics:
    """What all clips of a dataset are like, seen in the windows of a front end."""

    clips: tuple[Clip, ...]
    spec: FrontEnd

    @cached_property
    def seconds(self) -> NDArray[np.float64]:
        """The lengths of the clips, (clips,)."""
        return np.array([clip.seconds for clip in self.clips])

    @property
    def windows(self) -> int:
        """The windows of all clips."""
        return sum(clip.windows for clip in self.clips)

    @property
    def histogram(self) -> list[tuple[float, int]]:
        """The lower end of each bin of lengths that is not empty, in seconds, and the number of clips in it."""
        counts = np.histogram(self.seconds, (*BINS, np.inf))[0]
        return [(low, int(count)) for low, count in zip(BINS, counts, strict=True) if count]

    def to_dict(self) -> dict[str, Any]:
        """Return the statistics as a JSON object."""
        return {
            "hours": float(self.seconds.sum() / 3600),
            "seconds": {name: float(getattr(np, name)(self.seconds)) for name in ("min", "median", "max")},
            "histogram": [{"from_seconds": low, "clips": count} for low, count in self.histogram],
            "rates": {str(rate): count for rate, count in _counts(clip.rate for clip in self.clips)},
            "channels": {str(channels): count for channels, count in _counts(clip.channels for clip in self.clips)},
            "silent_clips": sum(clip.is_silent for clip in self.clips),
            "windows": self.windows,
            "silent_windows": sum(clip.silent_windows for clip in self.clips),
            "window_seconds": self.spec.window_seconds,
            "warnings": list(warnings(self)),
        }

    def lines(self) -> Iterator[str]:
        """Yield the statistics as lines of text."""
        value = self.to_dict()
        low, middle, high = value["seconds"].values()
        yield f"lengths: {low:.2f} to {high:.2f} s, median {middle:.2f} s; {value['hours']:.2f} hours in all"
        most = max(count for _, count in self.histogram)
        for begin, count in self.histogram:
            yield f"  from {begin:>5g} s {count:6} {'#' * -(-40 * count // most)}"
        yield "sample rates: " + ", ".join(f"{rate} Hz {count}" for rate, count in value["rates"].items())
        yield "channels: " + ", ".join(f"{channels}: {count}" for channels, count in value["channels"].items())
        yield (
            f"silence (below {SILENCE_DB:g} dB): {value['silent_clips']} of {len(self.clips)} clips, "
            f"{value['silent_windows']} of {self.windows} windows of {self.spec.window_seconds:g} s"
        )
        yield from (f"warning: {line}" for line in value["warnings"])


def measure(index: Index, spec: FrontEnd, progress: Progress | None = None) -> Statistics:
    """Read the audio files of an index and return what they are like.

    Raises `DatasetError` if a file cannot be read any more. `progress(done, total)` is called after every file.
    """
    clips = map_threads(partial(measure_clip, spec=spec), [index.path(item) for item in index.items], progress)
    return Statistics(tuple(clips), spec)


def measure_clip(path: Path, spec: FrontEnd) -> Clip:
    """Return what an audio file is like; its samples are read block by block, and are not kept."""
    pieces: list[NDArray[np.float64]] = []  # (pieces, 3): samples, their sum, the sum of their squares
    formats: list[tuple[int, int, float]] = []
    rest = np.zeros(0, np.float32)

    def listen(rate: int, channels: int, samples: NDArray[np.float32]) -> None:
        nonlocal rest
        formats.append((rate, channels, len(samples) / rate))
        size = round(rate * PIECE_SECONDS)
        samples = np.concatenate([rest, samples])
        whole = len(samples) // size * size
        pieces.append(_sums(samples[:whole].reshape(-1, size)))
        rest = samples[whole:]

    try:
        decode.check(path, listen)
    except (GtzanetError, OSError) as error:
        raise DatasetError(f"cannot use {path}: {str(error).removeprefix(f'{path}: ')}") from error
    sums = np.concatenate([*pieces, _sums(rest[np.newaxis])[: len(rest)]])
    rate, channels, _ = formats[0]
    seconds = sum(length for *_, length in formats)
    spans = np.array(window_spans(round(seconds * spec.sample_rate), spec)) / spec.sample_rate / PIECE_SECONDS
    silent = [_is_silent(sums[int(first) : max(int(first) + 1, round(last))]) for first, last in spans]
    return Clip(seconds, rate, channels, len(spans), sum(silent), _is_silent(sums))


def warnings(statistics: Statistics) -> Iterator[str]:
    """Yield where the windows, or the rate, of the front end do not suit the clips."""
    spec, seconds = statistics.spec, statistics.seconds
    window, median = spec.window_seconds, float(np.median(seconds))
    short = int((seconds < 0.95 * window).sum())
    if 2 * short > len(seconds):
        does = {
            "tile": f"is repeated {window / median:.1f} times",
            "pad": f"is followed by {window - median:.1f} s of silence",
            "stretch": f"is stretched {window / median:.1f} times",
        }[spec.short]
        yield (
            f"{short} of {len(seconds)} clips are shorter than the window of {window:g} s; one of {median:.2f} s "
            f"{does}: use --window {max(0.1, round(median, 1)):g}"
        )
    middle = float(np.median([clip.windows for clip in statistics.clips]))
    if middle >= MANY_WINDOWS:
        yield (
            f"most clips are long: one of {median:.1f} s is {middle:g} windows of {window:g} s, each a training "
            "example with the clip's label"
        )
    for rate, count in _counts(clip.rate for clip in statistics.clips):
        if rate / 2 < spec.f_max:
            yield (
                f"{count} of {len(seconds)} clips have {rate} samples per second: the front end's bands from "
                f"{rate / 2:g} to {spec.f_max:g} Hz are empty in them"
            )


def _counts(values: Iterator[int]) -> Sequence[tuple[int, int]]:
    """Return each value and how often it occurs, the most frequent first."""
    return sorted(Counter(values).items(), key=lambda pair: (-pair[1], pair[0]))


def _sums(pieces: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (pieces, 3) of samples (pieces, n): n, their sum, the sum of their squares."""
    sizes = np.full(len(pieces), pieces.shape[1])
    return np.stack([sizes, pieces.sum(1, dtype=np.float64), np.square(pieces, dtype=np.float64).sum(1)], axis=1)


def _is_silent(sums: NDArray[np.float64]) -> bool:
    """Return whether the level of pieces, as `toolkit.audio.samples.level_db` has it, is below `SILENCE_DB`."""
    count, total, squares = sums.sum(axis=0)
    return bool(squares / count - (total / count) ** 2 < 10 ** (SILENCE_DB / 10))
