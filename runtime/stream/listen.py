"""The job of `--stream` and `--listen`: a line after every hop until the sound ends."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass

from runtime.classifier import Classifier
from runtime.sources import STDIN_NAME, Raw
from runtime.stream import events, microphone, pipe
from runtime.stream.blocks import Blocks, Report
from runtime.stream.mqtt import Broker, Publisher
from runtime.stream.stall import watched
from toolkit.errors import AudioError


@dataclass(frozen=True)
class LiveRequest:
    """A source of endless sound, and how it is classified.

    Attributes
    ----------
    microphone
        Whether the source is a microphone; standard input otherwise.
    device
        The microphone's name or number; None for the system's.
    raw
        Format of the samples.
    settings
        Hop, smoothing, silence, stall.
    broker
        Where every line is published; None for nowhere.
    json
        Whether the lines are JSON objects.
    """

    microphone: bool
    device: str | None
    raw: Raw
    settings: events.Settings
    broker: Broker | None
    json: bool


def listen(classifier: Classifier, request: LiveRequest, report: Report) -> Iterator[str]:
    """Yield a line for each event, and publish it to the broker, until the sound ends.

    Raises
    ------
    AudioError
        If the source fails, or ends before the first hop.
    """
    name = "the microphone" if request.microphone else STDIN_NAME
    rate, settings = request.raw.rate, request.settings
    if request.microphone:
        microphone.sounddevice()
        blocks = microphone.microphone(request.device, rate, report, settings.stall_seconds)
    else:
        blocks = pipe.piped(request.raw)
    hop = events.Listener(classifier, settings).hop_seconds
    card, tally = classifier.card, _Tally()
    expire_after = math.ceil(2 * hop + settings.stall_seconds)
    with Publisher(request.broker, card, report, expire_after) if request.broker else nullcontext() as publisher:
        greeting = f"{card.model}-{card.precision} listens to {name}, a line every {hop:.1f} s. {card.dataset.notice}"
        report(greeting.strip())
        blocks = watched(blocks, settings.stall_seconds, report, publisher.set_offline if publisher else lambda: None)
        results = events.listen(classifier, tally.counted(blocks, rate), rate, settings, report)
        try:
            for event in results:
                tally.add(event, report)
                text = events.as_json(event, classifier.labels)
                yield text if request.json else events.as_line(event)
                if publisher:
                    publisher.publish(text)
        except AudioError as error:
            raise AudioError(f"{name}: {error}") from None
        finally:
            results.close()
            if tally.lines:
                report(f"heard {tally.seconds:.0f} s; computing took {tally.spent / tally.seconds:.2%} of that time")
    if not tally.lines:
        raise AudioError(f"{name}: it ended after {tally.seconds:.1f} s, before the first hop of {hop:.1f} s")


class _Tally:
    """Counts seconds of sound, seconds of computing and lines; reports once that the computer is too slow."""

    def __init__(self) -> None:
        self.seconds, self.spent, self.lines = 0.0, 0.0, 0
        self._slow = False

    def counted(self, blocks: Blocks, rate: int) -> Blocks:
        for block in blocks:
            self.seconds += 0 if block is None else len(block) / rate
            yield block

    def add(self, event: events.Hop, report: Report) -> None:
        self.spent, self.lines = self.spent + event.result.spent, self.lines + 1
        if event.load > 1 and not self._slow:
            self._slow = True
            report(f"the computer is too slow: a hop took {event.load:.1f} times its own length; use a longer --hop")
