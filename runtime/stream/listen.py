"""What `--stream` and `--listen` do: print a line after every hop until the sound ends."""

from __future__ import annotations

import argparse
import math
import sys
from contextlib import nullcontext

from runtime.arguments import OPTIONS
from runtime.classifier import Classifier
from runtime.sources import STDIN_NAME, Raw
from runtime.stream import events, feeds
from runtime.stream.mqtt import Broker, Publisher
from runtime.stream.sliding_window import Stream
from runtime.stream.smoothing import Rules
from toolkit.errors import AudioError, UsageError


def settings_of(arguments: argparse.Namespace) -> events.Settings:
    """Return how to listen, as the command's arguments say; raise `UsageError` where one is out of range."""
    given = {name: value for name in OPTIONS if (value := getattr(arguments, name)) is not None}
    smooth, margin = given.get("smooth", Rules.smoothing), given.get("margin", Rules.margin)
    if not 0 <= smooth < math.inf:
        raise UsageError(f"--smooth is {smooth:g}: give seconds, 0 or more")
    if not math.isfinite(given.get("silence", 0.0)):
        raise UsageError(f"--silence is {given['silence']:g}: give decibels, such as -60")
    if not 0 <= margin <= 1:
        raise UsageError(f"--margin is {margin:g}: give a probability, 0 to 1")
    rules = Rules(smooth, margin, arguments.min_confidence)
    hop, silence = given.get("hop", events.Settings.hop_seconds), given.get("silence", events.Settings.silence)
    return events.Settings(hop, silence, rules)


def listen(classifier: Classifier, raw: Raw, arguments: argparse.Namespace, prog: str) -> int:
    """Print an event a line, and publish it where that was asked for, until the sound ends; return 0."""

    def say(sentence: str) -> None:
        print(f"{prog}: {sentence}", file=sys.stderr, flush=True)

    settings = settings_of(arguments)
    broker = None if arguments.mqtt is None else Broker.parse(arguments.mqtt)
    name = "the microphone" if arguments.listen else STDIN_NAME
    if arguments.listen:
        feeds.sounddevice()
    blocks = feeds.microphone(arguments.device, raw.rate, say) if arguments.listen else feeds.piped(raw, say)
    hop = Stream(classifier, settings.hop_seconds).hop_seconds
    card = classifier.card
    with Publisher(broker, card, say) if broker else nullcontext() as publisher:
        say(f"{card.model}-{card.precision} listens to {name}, a line every {hop:.1f} s. {card.dataset.notice}".strip())
        tally = _Tally()
        try:
            for event in events.listen(classifier, tally.counted(blocks, raw.rate), raw.rate, settings):
                tally.add(event, say)
                text = events.as_json(event, classifier.labels)
                print(text if arguments.json else events.as_line(event), flush=True)
                if publisher:
                    publisher.publish(text)
        except AudioError as error:
            raise AudioError(f"{name}: {error}") from None
        finally:
            if tally.lines:
                say(f"heard {tally.seconds:.0f} s; computing took {tally.spent / tally.seconds:.2%} of that time")
    if not tally.lines:
        raise AudioError(f"{name}: it ended after {tally.seconds:.1f} s, before the first hop of {hop:.1f} s")
    return 0


class _Tally:
    """Counts seconds heard, seconds spent and lines printed; says once that the computer is too slow."""

    def __init__(self) -> None:
        self.seconds, self.spent, self.lines = 0.0, 0.0, 0
        self._slow = False

    def counted(self, blocks: feeds.Blocks, rate: int) -> feeds.Blocks:
        for block in blocks:
            self.seconds += 0 if block is None else len(block) / rate
            yield block

    def add(self, event: events.Event, say: feeds.Say) -> None:
        self.spent, self.lines = self.spent + event.heard.spent, self.lines + 1
        if event.load > 1 and not self._slow:
            self._slow = True
            say(f"the computer is too slow: a hop took {event.load:.1f} times its own length; use a longer --hop")
