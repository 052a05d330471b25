"""From a sound file to a label, with one model file and nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from runtime.default_model import PRETRAINED
from runtime.engines.load import Engine, open_engine
from runtime.prediction import Prediction, Window
from runtime.preprocess import model_input
from runtime.reading import Reading, timed
from toolkit.artifact.card import Card
from toolkit.artifact.file import Model
from toolkit.audio.decode import Sound, read
from toolkit.audio.downmix import downmixed
from toolkit.audio.samples import MAX_CHANNELS, SILENCE_DB, check_rate, is_silent, to_mono_at
from toolkit.errors import EngineError, UsageError
from toolkit.frontend.windows import split_windows, window_spans
from toolkit.measure.temperature import at_temperature
from toolkit.stopwatch import Stopwatch


class Classifier:
    """A model file that is ready to classify sounds. Several threads may share one; the network serves one at a time.

    Examples
    --------
    >>> classifier = Classifier.load()  # or Classifier.load("gtzanet-int8.tflite")
    >>> classifier.labels[:3]
    ('blues', 'classical', 'country')
    >>> classifier.classify("song.mp3").label  # doctest: +SKIP
    'jazz'
    >>> classifier.classify(samples, rate=44100).by_label()  # doctest: +SKIP
    {'jazz': 0.71, 'blues': 0.16, ...}
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._turn = threading.Lock()

    @classmethod
    def load(
        cls,
        path: Path | str | None = None,
        *,
        engine: str | None = None,
        threads: int | None = None,
        backbone: Path | None = None,
        model: Model | None = None,
    ) -> Classifier:
        """Return a classifier of a model file, by default of the one that comes with this package (`PRETRAINED`).

        The other parameters and the errors are those of `open_engine`.
        """
        path = PRETRAINED if path is None else path
        opened = open_engine(path, engine=engine, threads=threads, backbone=backbone, model=model)
        if opened.card.is_embedding:
            raise UsageError(f"{path}: its output is an embedding, no labels: `python -m runtime embed` computes it")
        return cls(opened)

    @property
    def card(self) -> Card:
        """The model's card."""
        return self.engine.card

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names in the order of the network's output."""
        return self.card.labels

    def classify(
        self, sound: Path | str | NDArray[np.float32], rate: int | None = None, *, silence: float = SILENCE_DB
    ) -> Prediction:
        """Return the classes ranked by the mean probabilities of a sound's windows that are not silent.

        `sound` is an audio file, or samples, float32 (n,) or (n, channels), full scale 1, at `rate` hertz. Windows that
        are quieter than `silence`, in decibels relative to full scale, are silent (see `Prediction.silent`). Raise
        `AudioError` if the sound cannot be read, is empty or not finite, `EngineError` if the network fails, and
        `UsageError` if samples come without a rate, or a file with one.
        """
        return self.classify_reading(self._read(sound, rate), silence)

    def classify_reading(self, reading: Reading, silence: float = SILENCE_DB) -> Prediction:
        """Return what `classify` does of a sound that has been read at the rate of the card's front end."""
        start = time.perf_counter()
        front_end, network, spec = Stopwatch(), Stopwatch(), self.card.front_end
        (samples, warnings), stage_seconds = reading.sound, {**reading.stage_seconds}
        spans, sounds = window_spans(len(samples), spec), split_windows(samples, spec)
        silent = [is_silent(window, silence) for window in sounds]
        del reading, samples  # the last window's are freed before the network runs
        values = (model_input(sounds.pop(0), self.card) for _ in spans)
        by_window = list(network.over(map(self.probabilities, front_end.over(values))))
        probabilities = np.mean([by_window[at] for at in _counted(silent)], axis=0)
        order = np.argsort(-probabilities, kind="stable")
        windows = tuple(
            Window(first / spec.sample_rate, last / spec.sample_rate, tuple(scores[order].tolist()), quiet)
            for (first, last), scores, quiet in zip(spans, by_window, silent, strict=True)
        )
        elapsed = time.perf_counter() - start + sum(stage_seconds.values())
        stage_seconds |= {"front_end": front_end.seconds, "network": network.seconds - front_end.seconds}
        return Prediction(
            labels=tuple(self.labels[number] for number in order),
            probabilities=tuple(probabilities[order].tolist()),
            windows=windows,
            timings_ms=_timings_ms(stage_seconds, elapsed),
            model=f"{self.card.model}-{self.card.precision}",
            warnings=warnings,
            active=self._active(probabilities, order) if self.card.multi_label else None,
        )

    def _active(self, probabilities: NDArray[np.float64], order: NDArray[np.intp]) -> tuple[str, ...]:
        """Return the labels whose probabilities reach their thresholds, in an order of all labels."""
        reached = probabilities >= np.array(self.card.thresholds)
        return tuple(self.labels[number] for number in order if reached[number])

    def classify_picture(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probabilities, float32 (classes,) in the order of `labels`, for a picture uint8 (288, 432, 3).

        Raise `UsageError` if the model accepts no pictures.
        """
        if self.card.input_level != "picture":
            raise UsageError(f"the model accepts a {self.card.input_level}, no picture: use classify")
        return self.probabilities(picture).astype(np.float32)

    def probabilities(self, value: ArrayLike) -> NDArray[np.float64]:
        """Return the probabilities, float64 (classes,), for one of what `model_input` returns.

        They are the network's `scores` at the card's temperature, and add up to 1 unless the network is multi-label.
        """
        return at_temperature(self.scores(value), self.card.temperature)

    def scores(self, value: ArrayLike) -> NDArray[np.float64]:
        """Return the network's output, float64 (classes,), for one of what `model_input` returns.

        It adds up to 1 unless the network is multi-label. The output of an int8 network is a multiple of 1/256, so its
        sum is off by a few of these steps: it is divided by the sum.
        """
        batch = np.asarray(value, dtype=np.float32)[np.newaxis]
        with self._turn:
            scores = self.engine.run(batch)[0].astype(np.float64)
        multi_label = self.card.multi_label
        total = 1.0 if multi_label else scores.sum()
        if not np.isfinite(scores).all() or total <= 0 or scores.min() < 0 or (multi_label and scores.max() > 1):
            raise EngineError(
                f"the network {self.card.model} returned scores that are no probabilities: export the model again"
            )
        return np.asarray(scores / total)

    def _read(self, sound: Path | str | NDArray[np.float32], rate: int | None) -> Reading:
        model_rate = self.card.front_end.sample_rate
        if isinstance(sound, str | Path):
            if rate is not None:
                raise UsageError(f"{sound}: rate is for samples; a sound file has its own")
            return timed(lambda decoding: read(Path(sound), model_rate, decoding), Stopwatch())
        if rate is None:
            raise UsageError("classify: samples need their rate: classify(samples, rate=44100)")
        check_rate(rate)
        return timed(lambda _: _mono_at(np.asarray(sound), rate, model_rate), Stopwatch())


def _mono_at(samples: NDArray[np.floating], source_rate: int, rate: int) -> Sound:
    """Return samples as a file that holds them is read."""
    warnings: list[str] = []
    if samples.ndim == 2 and 0 < samples.shape[1] <= MAX_CHANNELS and samples.dtype.kind == "f":
        spans = (span for span in downmixed([samples], source_rate, warnings.append) if span is not None)
        samples = np.concatenate([np.zeros(0, np.float32), *spans])
    return Sound(to_mono_at(samples, source_rate, rate), tuple(warnings))


def _counted(silent: Sequence[bool]) -> list[int]:
    """Return the numbers of the windows that count: those that are not silent, or all where every one is."""
    return [at for at, quiet in enumerate(silent) if not quiet] or list(range(len(silent)))


def _timings_ms(stage_seconds: Mapping[str, float], elapsed: float) -> dict[str, float]:
    """Return the milliseconds of every stage, of what else the elapsed seconds held ("post"), and of all ("total")."""
    post = elapsed - sum(stage_seconds.values())
    parts = {name: round(1e3 * seconds, 3) for name, seconds in {**stage_seconds, "post": post}.items()}
    return {**parts, "total": round(sum(parts.values()), 3)}
