"""The front ends against librosa: how fast samples become features, and how near pictures are to the public ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.audio import decode
from toolkit.errors import DatasetError
from toolkit.frontend.features import features
from toolkit.frontend.mel import filter_bank
from toolkit.frontend.picture import INTERIOR, read_png, render
from toolkit.frontend.spec import PICTURE, FrontEnd
from toolkit.frontend.spectrogram import emphasised, frame_window
from toolkit.measure.latency import Latency, Ratio, Task, TimingPlan, measure, ratio, summarise
from toolkit.parallel import Progress

Sound = NDArray[np.float32]
OURS, LIBROSA = "gtzanet-edge", "librosa"
BURST_SECONDS = 0.1


@dataclass(frozen=True)
class SpeedRow:
    """The time from a window of sound to what a front end makes of it, `result`.

    `librosa` is the time of the same from librosa's functions, but for a picture, whose decibels alone they compute;
    `ratio` is ours as a multiple of it. Both are None where librosa is not installed.
    """

    front_end: str
    result: str
    windows: int
    ours: Latency
    librosa: Latency | None
    ratio: Ratio | None


@dataclass(frozen=True)
class FidelityRow:
    """How far the rendered picture of one clip is from the public one.

    `differing` counts pixels inside the frame that are not identical; `deviation` is the mean absolute difference of
    the whole picture, of 255.
    """

    clip: str
    differing: int
    deviation: float


@dataclass(frozen=True)
class Fidelity:
    """The clips' rows, the share of identical pixels inside the frame, and the worst and mean deviation (of 255)."""

    clips: tuple[FidelityRow, ...]
    identical: float
    mean_deviation: float
    worst_deviation: float
    worst_clip: str


def measure_speed(name: str, spec: FrontEnd, windows: Sequence[Sound], repeats: int = 3) -> SpeedRow:
    """Time a front end and librosa, if it is installed, on the same windows, on one BLAS thread.

    Each window is computed `repeats` times or more. The two run in turns of short bursts, so that whatever else the
    machine does falls on both alike; the times are the thread's on the processor, without what others take of it.
    `windows` are samples, float32 (n,) each, of `spec.window_seconds`.
    """
    tasks: dict[str, Task] = {OURS: lambda number: features(windows[number % len(windows)], spec)}
    if theirs := librosa_features(spec):
        tasks[LIBROSA] = lambda number: theirs(windows[number % len(windows)])
    plan = TimingPlan(
        min_seconds=0, min_count=len(windows) * repeats, warmup=2, burst_seconds=BURST_SECONDS, burst_count=1
    )
    with _one_blas_thread():
        rounds = measure(tasks, plan, clock=time.thread_time)
    beside = rounds.get(LIBROSA)
    result = "picture" if spec.layout == "picture" else " x ".join(map(str, spec.shape[:2]))
    return SpeedRow(
        name,
        result,
        len(windows),
        summarise(rounds[OURS]),
        summarise(beside) if beside else None,
        ratio(rounds[OURS], beside) if beside else None,
    )


def measure_fidelity(gtzan_root: Path, progress: Progress) -> Fidelity:
    """Render every clip of a GTZAN folder (`genres_original`) and compare it with its picture (`images_original`).

    Raises `DatasetError` if the folder holds no clip that has a picture; `AudioError` if a clip cannot be read.
    """
    pairs = _pairs(gtzan_root)
    rows = []
    for number, (clip, path) in enumerate(pairs, start=1):
        public, ours = read_png(path), render(decode.load(clip, PICTURE.sample_rate))
        differing = int((public != ours).any(axis=-1)[INTERIOR].sum())
        rows.append(FidelityRow(clip.stem, differing, float(np.abs(public.astype(np.int16) - ours).mean())))
        progress(number, len(pairs))
    inside = (INTERIOR[0].stop - INTERIOR[0].start) * (INTERIOR[1].stop - INTERIOR[1].start)
    worst = max(rows, key=lambda row: row.deviation)
    identical = 1 - sum(row.differing for row in rows) / (inside * len(rows))
    mean = float(np.mean([row.deviation for row in rows]))
    return Fidelity(tuple(rows), identical, mean, worst.deviation, worst.clip)


def _pairs(root: Path) -> list[tuple[Path, Path]]:
    """Return each clip that has a picture, with it: blues/blues.00000.wav and blues/blues00000.png."""
    clips = sorted(path for path in (root / "genres_original").glob("*/*") if path.suffix in (".wav", ".flac", ".au"))
    pictures = [root / "images_original" / path.parent.name / f"{path.stem.replace('.', '')}.png" for path in clips]
    pairs = [(clip, picture) for clip, picture in zip(clips, pictures, strict=True) if picture.is_file()]
    if not pairs:
        raise DatasetError(f"{root}: holds no clip with a picture; it needs genres_original and images_original")
    return pairs


def librosa_features(spec: FrontEnd) -> Callable[[Sound], NDArray[np.float32]] | None:
    """Return librosa's way to a front end's bands and frames, (n_mels, frames), None where it is not installed.

    Its `melspectrogram` computes the filter bank anew in every call, so the bank is kept here, as ours is. Pictures and
    cells stop at the decibels, of all frames.
    """
    try:
        import librosa
    except ImportError:
        return None
    bank, window = filter_bank(spec), frame_window(spec)
    stft = {"n_fft": spec.n_fft, "hop_length": spec.hop_length, "window": window, "center": spec.centred}
    tail = 0 if spec.centred else spec.n_fft - spec.frame_length
    reference = np.max if spec.reference == "max" else 1.0

    def bands(sound: Sound) -> NDArray[np.float32]:
        sound = np.pad(emphasised(sound, spec), (0, tail)) if tail else emphasised(sound, spec)
        magnitude = np.abs(librosa.stft(sound, pad_mode=spec.padding, **stft))
        values = bank @ (np.square(magnitude) if spec.exponent == 2 else magnitude)
        if spec.log == "ln":
            values = np.log(values + np.float32(spec.log_offset))
        elif spec.log == "db":
            values = librosa.power_to_db(values, ref=reference, amin=spec.amin, top_db=spec.top_db)
        elif spec.log == "amplitude-db":
            values = librosa.amplitude_to_db(values, ref=reference, amin=spec.amin, top_db=spec.top_db)
        if spec.normalise == "affine":
            values = (values + np.float32(spec.shift)) * np.float32(spec.scale)
        elif spec.normalise == "clip":
            values = (values - values.mean()) / values.std()
        return np.asarray(values)

    return bands


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """Keep BLAS on one thread while the block runs, where threadpoolctl is installed (librosa brings it)."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        yield
        return
    with threadpool_limits(limits=1):
        yield
