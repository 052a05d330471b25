"""The front end against librosa: how fast samples become a picture, and how near the picture is to the public one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.audio import decode
from toolkit.errors import DatasetError, UsageError
from toolkit.frontend.mel import filter_bank
from toolkit.frontend.picture import INTERIOR, paint, read_png, render
from toolkit.frontend.spec import PICTURE
from toolkit.frontend.spectrogram import decibels, frame_window
from toolkit.parallel import Progress

Sound = NDArray[np.float32]
LIBROSA = "librosa"
BLOCK = 64
"""Frames that NumPy transforms at once: a block stays in the processor's cache, all frames of a clip do not."""


@dataclass(frozen=True)
class SpeedRow:
    """The time of one way from samples to `result`; `ratio` is its median as a multiple of librosa's, if installed."""

    name: str
    result: str
    clips: int
    repeats: int
    median_ms: float
    p90_ms: float
    ratio: float | None


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


def measure_speed(clips: Sequence[Sound], repeats: int = 3) -> tuple[SpeedRow, ...]:
    """Time this front end, plain NumPy and librosa, if it is installed, on the same clips, on one BLAS thread.

    The ways alternate from clip to clip, so that whatever else the machine does falls on all alike; each does a clip
    once uncounted and `repeats` times in a row, as a program that classifies many clips would, with its own data in the
    cache. librosa stops at the decibels, the others render the picture, too. `clips` are samples, float32 (n,) each,
    about 30 s at 22,050 Hz. Raises `UsageError` if there is no clip, or `repeats` is below 1.
    """
    if not clips or repeats < 1:
        raise UsageError("timing the front end needs at least one clip and one repeat")
    ways: dict[str, tuple[str, Callable[[Sound], object]]] = {
        "gtzanet-edge": ("picture", render),
        f"numpy rfft, {BLOCK} frames at once": ("picture", lambda sound: paint(numpy_decibels(sound))),
    }
    if librosa_decibels := _librosa_decibels():
        ways[LIBROSA] = ("decibels", librosa_decibels)
    times: dict[str, list[float]] = {name: [] for name in ways}
    with _one_blas_thread():
        for clip in clips:
            for name, (_, run) in ways.items():
                run(clip)
                for _ in range(repeats):
                    start = time.perf_counter()
                    run(clip)
                    times[name].append(1000 * (time.perf_counter() - start))
    medians = {name: float(np.median(values)) for name, values in times.items()}
    base = medians.get(LIBROSA)
    return tuple(
        SpeedRow(
            name,
            result,
            len(clips),
            repeats,
            medians[name],
            float(np.percentile(times[name], 90)),
            medians[name] / base if base else None,
        )
        for name, (result, _) in ways.items()
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


def numpy_decibels(sound: Sound, block: int = BLOCK) -> NDArray[np.float32]:
    """Return what the front end computes, by NumPy's FFT of every frame, `block` frames at once."""
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(sound, PICTURE.n_fft // 2, mode="reflect"), PICTURE.n_fft)
    frames, bank, window = frames[:: PICTURE.hop_length], filter_bank(), frame_window(PICTURE)
    power = np.empty((len(bank), len(frames)), dtype=np.float32)
    for start in range(0, len(frames), block):
        spectrum = np.fft.rfft(frames[start : start + block] * window)
        power[:, start : start + block] = bank @ (np.square(spectrum.real) + np.square(spectrum.imag)).T
    return decibels(power)


def _librosa_decibels() -> Callable[[Sound], NDArray[np.float32]] | None:
    """Return librosa's way to decibels, None where it is not installed.

    Its `melspectrogram` computes the filter bank anew in every call, so the bank is kept here, as ours is.
    """
    try:
        import librosa
        from librosa.filters import mel
    except ImportError:
        return None
    bank = mel(sr=PICTURE.sample_rate, n_fft=PICTURE.n_fft)

    def to_decibels(sound: Sound) -> NDArray[np.float32]:
        spectrum = librosa.stft(sound, n_fft=PICTURE.n_fft, hop_length=PICTURE.hop_length, pad_mode="reflect")
        return librosa.amplitude_to_db(bank @ np.square(np.abs(spectrum)), ref=np.max)

    return to_decibels


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """Keep BLAS on one thread while the block runs, where threadpoolctl is installed (librosa brings it)."""
    try:
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
    except ImportError:
        yield
        return
    with threadpool_limits(limits=1):
        yield
