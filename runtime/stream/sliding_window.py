"""Endless sound to probabilities: a window that moves on by a hop; every frame of sound is transformed once."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime.classifier import Classifier
from runtime.preprocess import arranged, model_input
from toolkit.artifact.card import feature_level
from toolkit.audio.samples import SILENT_DB, level_db, valid_samples
from toolkit.errors import UsageError
from toolkit.frontend.features import features_of_power
from toolkit.frontend.framing import chunk_frames
from toolkit.frontend.spec import FrontEnd
from toolkit.frontend.spectrogram import MelFrames, emphasised, places_agree
from toolkit.frontend.windows import split_windows

HOP_SECONDS = 5.0


@dataclass(frozen=True)
class HopResult:
    """The network's output for the window that ends with the newest hop.

    Attributes
    ----------
    end
        Seconds of sound since the start.
    seconds
        Length of the window's sound: less than a whole window at the start.
    level
        Of the newest hop, in decibels relative to full scale: the root mean square without the hop's mean.
    probabilities
        Of the classes in the order of `Classifier.labels`; None where the hop is silence.
    spent
        Seconds of computing.
    """

    end: float
    seconds: float
    level: float
    probabilities: tuple[float, ...] | None
    spent: float


class Stream:
    """Classifies sound that comes piece by piece. The results do not depend on how it is cut into pieces.

    Every hop has one `HopResult`. Before a whole window has come, the samples so far are classified as a short clip.
    A whole window's picture or grid equals that of a file with these samples, bit for bit. Frames are transformed once
    where this machine computes a frame alike in all places of a chunk, or the hop keeps its place.
    """

    def __init__(
        self,
        classifier: Classifier,
        hop_seconds: float | None = None,
        silence: float = SILENT_DB,
        window_seconds: float | None = None,
    ) -> None:
        """Start without samples.

        Parameters
        ----------
        classifier
            The network and its front end.
        hop_seconds
            Seconds from one window to the next, rounded to a whole number of frames (23 ms at GTZAN's settings). By
            default the front end's, or where that has none 5 s or a window.
        silence
            Decibels: the network does not run on a quieter hop.
        window_seconds
            Of sound in a window. Below the front end's, the default, every window is classified as a short clip.

        Raises
        ------
        UsageError
            If the window is not above 0, or longer than the front end's; or the hop than the window.
        """
        spec = classifier.card.front_end
        self.classifier, self._spec, self._silence = classifier, spec, silence
        window, hop = _lengths(spec, window_seconds, hop_seconds)
        if not math.isfinite(silence):
            raise UsageError(f"silence is {silence:g} dB: give a number")
        self._window = max(1, round(window * spec.sample_rate))
        most = max(1, self._window // spec.hop_length)
        moved = min(most, max(1, round(hop * spec.sample_rate / spec.hop_length)))
        self._hop = moved * spec.hop_length
        self._inner = _inner_frames(spec)
        accepts_features = classifier.card.input_level == feature_level(spec)
        stepwise = accepts_features and len(self._inner) > 0 and self._window == spec.window_samples
        self._keeps_frames = stepwise and (moved % chunk_frames(spec) == 0 or places_agree(spec))
        self._power: NDArray[np.float32] | None = None
        self._kept = np.empty(2 * (self._window + self._hop), np.float32)
        self._end = 0
        self._total = self._hops = self._classified = 0

    @property
    def hop_seconds(self) -> float:
        """Seconds from one window to the next."""
        return self._hop / self._spec.sample_rate

    @property
    def window_seconds(self) -> float:
        """Seconds of sound in a window."""
        return self._window / self._spec.sample_rate

    def push(self, samples: NDArray[np.float32]) -> list[HopResult]:
        """Accept the next samples, float32 (n,) at the front end's rate; return a result per completed hop.

        Raises
        ------
        AudioError
            If they are not one-dimensional, finite floats. None of them is kept then.
        EngineError
            If the network fails.
        """
        results: list[HopResult] = []
        rest = valid_samples(samples) if len(samples) else samples
        while len(rest):
            due = self._due() - self._total
            self._keep(rest[:due])
            if len(rest) >= due:
                self._hops += 1
                results.append(self._result(self._hop, self._keeps_frames))
            rest = rest[due:]
        return results

    def finish(self) -> list[HopResult]:
        """Return the result for the samples since the newest hop, as for a shorter hop; nothing may be pushed then."""
        newest = self._total - self._classified
        return [self._result(newest, stepwise=False)] if newest else []

    def _due(self) -> int:
        """Return the number of samples at which the next hop ends: hops up to about a window, then from a window on."""
        growing = max(0, round(self._window / self._hop) - 1)
        if self._hops < growing:
            return (self._hops + 1) * self._hop
        return self._window + (self._hops - growing) * self._hop

    def _keep(self, samples: NDArray[np.float32]) -> None:
        if self._end + len(samples) > len(self._kept):
            needed = min(self._window, self._end)
            self._kept[:needed] = self._kept[self._end - needed : self._end]
            self._end = needed
        self._kept[self._end : self._end + len(samples)] = samples
        self._end += len(samples)
        self._total += len(samples)

    def _result(self, newest: int, stepwise: bool) -> HopResult:
        """Return the network's output for the window that ends now, whose `newest` samples may be silence."""
        start = time.perf_counter()
        rate = self._spec.sample_rate
        sound = self._kept[max(0, self._end - self._window) : self._end]
        self._classified = self._total
        level = level_db(sound[-newest:])
        whole = len(sound) == self._window
        power = self._advanced(sound) if whole and stepwise else None
        probabilities = None
        if level >= self._silence:
            if power is not None:
                value = arranged(features_of_power(power, self._spec), self.classifier.card)
            else:
                (window,) = split_windows(sound, self._spec)
                value = model_input(window, self.classifier.card)
            probabilities = tuple(self.classifier.probabilities(value).tolist())
        spent = time.perf_counter() - start
        return HopResult(self._total / rate, len(sound) / rate, level, probabilities, spent)

    def _advanced(self, sound: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the mel power (frames, bands) of a window: only new frames, and those at its ends, are computed."""
        spec = self._spec
        hop, moved = spec.hop_length, self._hop // spec.hop_length
        first, last = self._inner.start, self._inner.stop
        if self._power is None or last - moved < first:
            self._power = np.empty((spec.frames, spec.n_mels), np.float32)
            new = first
        else:
            new = last - moved
            self._power[first:new] = self._power[first + moved : last]
        inside = emphasised(sound, spec)[new * hop - spec.padded_samples :]
        self._power[new:last] = MelFrames.inside(inside, spec).power(first=new)
        ends = np.r_[:first, last : spec.frames]
        self._power[ends] = MelFrames(sound, spec).power(ends)
        return self._power


def _lengths(spec: FrontEnd, window: float | None, hop: float | None) -> tuple[float, float]:
    """Return the seconds in a window and from one to the next; raise `UsageError` where one is out of range."""
    window = spec.window_seconds if window is None else window
    hop = min(spec.hop_seconds or HOP_SECONDS, window) if hop is None else hop
    if not 0 < window <= spec.window_seconds:
        raise UsageError(
            f"the window is {window:g} s: it must be above 0 and at most the model's, {spec.window_seconds:g} s"
        )
    if not 0 < hop <= window:
        raise UsageError(f"the hop is {hop:g} s: it must be above 0 and at most a window, {window:g} s")
    return window, hop


def _inner_frames(spec: FrontEnd) -> range:
    """Return the numbers of the frames of a window that need no padding."""
    before, samples = spec.padded_samples, spec.window_samples - (1 if spec.pre_emphasis else 0)
    return range(-(-before // spec.hop_length), (samples + before - spec.n_fft) // spec.hop_length + 1)
