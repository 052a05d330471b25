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

    def __init__(self, classifier: Classifier, hop_seconds: float | None = None, silence: float = SILENT_DB) -> None:
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

        Raises
        ------
        UsageError
            If the hop is not above 0, or longer than a window.
        """
        spec = classifier.card.front_end
        self.classifier, self._spec, self._silence = classifier, spec, silence
        if hop_seconds is None:
            hop_seconds = spec.hop_seconds or min(HOP_SECONDS, spec.window_seconds)
        if not 0 < hop_seconds <= spec.window_seconds:
            raise UsageError(
                f"the hop is {hop_seconds:g} s: it must be above 0 and at most a window, {spec.window_seconds:g} s"
            )
        if not math.isfinite(silence):
            raise UsageError(f"silence is {silence:g} dB: give a number")
        self._window = spec.window_samples
        most = max(1, self._window // spec.hop_length)
        moved = min(most, max(1, round(hop_seconds * spec.sample_rate / spec.hop_length)))
        self._hop = moved * spec.hop_length
        self._inner = _inner_frames(spec)
        stepwise = classifier.card.input_level == feature_level(spec) and len(self._inner) > 0
        self._keeps_frames = stepwise and (moved % chunk_frames(spec) == 0 or places_agree(spec))
        self._power: NDArray[np.float32] | None = None
        self._kept = np.empty(2 * (self._window + self._hop), np.float32)
        self._end = 0
        self._total = self._hops = 0

    @property
    def hop_seconds(self) -> float:
        """Seconds from one window to the next."""
        return self._hop / self._spec.sample_rate

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
                results.append(self._result())
            rest = rest[due:]
        return results

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

    def _result(self) -> HopResult:
        start = time.perf_counter()
        rate = self._spec.sample_rate
        sound = self._kept[max(0, self._end - self._window) : self._end]
        level = level_db(sound[-self._hop :])
        whole = len(sound) == self._window
        power = self._advanced(sound) if whole and self._keeps_frames else None
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


def _inner_frames(spec: FrontEnd) -> range:
    """Return the numbers of the frames of a window that need no padding."""
    before, samples = spec.padded_samples, spec.window_samples - (1 if spec.pre_emphasis else 0)
    return range(-(-before // spec.hop_length), (samples + before - spec.n_fft) // spec.hop_length + 1)
