"""A source of endless sound to the live state, the log and the broker."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext

import numpy as np
from numpy.typing import NDArray

from runtime.classifier import Classifier
from runtime.serve.columns import ColumnMaker
from runtime.serve.live import Live
from runtime.serve.recorder import Recent, Recorder
from runtime.sources import STDIN_NAME
from runtime.stream import microphone, pipe
from runtime.stream.blocks import Blocks, Report
from runtime.stream.events import Hop, Listener, as_json
from runtime.stream.listen import LiveRequest
from runtime.stream.mqtt import Publisher
from runtime.stream.repair import repaired
from runtime.stream.stall import watched
from runtime.timeline.spans import spans
from toolkit.audio.downmix import downmixed
from toolkit.audio.samples import Resampler
from toolkit.errors import AudioError

UPDATE_SECONDS = 0.2
"""Of sound that is heard and shown at once."""


class Ear:
    """Listens to one source until it ends."""

    def __init__(
        self, classifier: Classifier, request: LiveRequest, live: Live, recorder: Callable[[Recent], Recorder]
    ) -> None:
        """Prepare; raise `UsageError` where the window or the hop is out of range."""
        self._classifier, self._request, self._live = classifier, request, live
        self._spec = classifier.card.front_end
        self._listener = Listener(classifier, request.settings)
        self.recent = Recent(self._spec.sample_rate, self._spec.window_seconds)
        self._recorder = recorder(self.recent)
        self.hop_seconds = self._listener.hop_seconds
        self._publisher: Publisher | None = None

    def listen(self, report: Report, address: str | None) -> None:
        """Listen until the sound ends; errors are those of `runtime.stream.listen`. `address` is the page's."""
        request, card = self._request, self._classifier.card
        stall, rate = request.settings.stall_seconds, request.raw.rate
        name = "the microphone" if request.microphone else STDIN_NAME
        if request.microphone:
            blocks = microphone.microphone(request.device, rate, report, stall)
        else:
            blocks = pipe.piped(request.raw)
        expire = math.ceil(2 * self.hop_seconds + stall)
        broker = request.broker
        with Publisher(broker, card, report, expire, address) if broker else nullcontext() as self._publisher:
            blocks = watched(blocks, stall, report, self._stalled)
            mono = downmixed(repaired(blocks, report), rate, report)
            try:
                self._hear(mono, rate)
            except AudioError as error:
                raise AudioError(f"{name}: {error}") from None
            finally:
                self._recorder.end()
        report(f"{name} has ended; the page stays")
        self._live.set_source("ended")

    def _stalled(self) -> None:
        self._live.set_source("stalled")
        if self._publisher:
            self._publisher.set_offline()

    def _hear(self, mono: Blocks, rate: int) -> None:
        """Listen to all segments between gaps."""
        ended = False
        while not ended:
            sound = _Segment(mono)
            for span in spans(self._hops(sound, rate), self._listener.share):
                self._recorder.add(span)
            ended = sound.is_last
            self._recorder.restart()
            self._listener.restart()

    def _hops(self, sound: _Segment, rate: int) -> Iterator[Hop]:
        """Yield a segment's hops; show its columns and its states on the way."""
        columns = ColumnMaker(self._spec)
        self.recent.restart()
        for samples in _gathered(sound, Resampler(rate, self._spec.sample_rate), self._spec.sample_rate):
            self._live.set_source("listening")
            self.recent.push(samples)
            self._live.add_sound(len(samples) / self._spec.sample_rate, columns.push(samples))
            for hop in self._listener.push(samples):
                self._show(hop)
                yield hop
        for hop in self._listener.finish():
            self._show(hop)
            yield hop

    def _show(self, hop: Hop) -> None:
        """Log, show and publish a hop."""
        self._recorder.hear(hop)
        text = as_json(hop, self._classifier.labels)
        self._live.add_hop(json.loads(text), hop.result.spent)
        if self._publisher:
            self._publisher.publish(text)


def _gathered(blocks: Iterable[NDArray[np.float32]], resampler: Resampler, rate: int) -> Iterator[NDArray[np.float32]]:
    """Yield blocks as samples at `rate`, about `UPDATE_SECONDS` at once."""
    waiting: list[NDArray[np.float32]] = []
    for block in blocks:
        waiting.append(resampler.push(block))
        if sum(map(len, waiting)) >= UPDATE_SECONDS * rate:
            yield np.concatenate(waiting)
            waiting = []
    if sum(map(len, waiting)):
        yield np.concatenate(waiting)


class _Segment:
    """The blocks up to the next gap."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks, self.is_last = blocks, False

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        for block in self._blocks:
            if block is None:
                return
            yield block
        self.is_last = True
