"""What `--stream` and `--listen` do: print a line after every hop until the sound ends."""

from __future__ import annotations

import argparse
import math
import sys

from runtime import feeds, live
from runtime.arguments import OPTIONS
from runtime.classifier import Classifier
from runtime.decide import Rules
from runtime.sources import STDIN_NAME, Raw
from runtime.stream import Stream
from toolkit.errors import AudioError, UsageError


def settings_of(arguments: argparse.Namespace) -> live.Settings:
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
    hop, silence = given.get("hop", live.Settings.hop_seconds), given.get("silence", live.Settings.silence)
    return live.Settings(hop, silence, rules)


def listen(classifier: Classifier, raw: Raw, arguments: argparse.Namespace, prog: str) -> int:
    """Print an event a line until the sound ends; return 0."""

    def say(sentence: str) -> None:
        print(f"{prog}: {sentence}", file=sys.stderr, flush=True)

    settings = settings_of(arguments)
    name = "the microphone" if arguments.listen else STDIN_NAME
    blocks = feeds.microphone(arguments.device, raw.rate, say) if arguments.listen else feeds.piped(raw, say)
    hop = Stream(classifier, settings.hop_seconds).hop_seconds
    card = classifier.card
    say(f"{card.model}-{card.precision} listens to {name}, a line every {hop:.1f} s. {card.dataset.notice}".strip())
    seconds = [0.0]

    def counted() -> feeds.Blocks:
        for block in blocks:
            seconds[0] += 0 if block is None else len(block) / raw.rate
            yield block

    spent, slow, lines = 0.0, False, 0
    try:
        for event in live.listen(classifier, counted(), raw.rate, settings):
            line = live.as_json(event, classifier.labels) if arguments.json else live.as_line(event)
            print(line, flush=True)
            spent, lines = spent + event.heard.spent, lines + 1
            if event.load > 1 and not slow:
                slow = True
                say(f"the computer is too slow: a hop took {event.load:.1f} times its own length; use a longer --hop")
    except AudioError as error:
        raise AudioError(f"{name}: {error}") from None
    finally:
        if lines:
            say(f"heard {seconds[0]:.0f} s; computing took {spent / seconds[0]:.2%} of that time")
    if not lines:
        raise AudioError(f"{name}: it ended after {seconds[0]:.1f} s, before the first hop of {hop:.1f} s")
    return 0
