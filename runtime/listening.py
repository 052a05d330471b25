"""What `--stream` and `--listen` do: print a line after every hop until the sound ends."""

from __future__ import annotations

import argparse
import math
import sys

from runtime import feeds, live
from runtime.arguments import OPTIONS
from runtime.classifier import Classifier
from runtime.decide import Rules
from runtime.sources import Raw
from toolkit.errors import UsageError


def settings_of(arguments: argparse.Namespace) -> live.Settings:
    """Return how to listen, as the command's arguments say; raise `UsageError` where one is out of range."""
    given = {name: value for name in OPTIONS if (value := getattr(arguments, name)) is not None}
    smooth, margin = given.get("smooth", Rules.smoothing), given.get("margin", Rules.margin)
    if not 0 <= smooth < math.inf:
        raise UsageError(f"--smooth is {smooth:g}: give seconds, 0 or more")
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
    if arguments.listen:
        blocks, rate = feeds.microphone(arguments.device, raw.rate, say), raw.rate
    else:
        blocks, rate = feeds.piped(raw, say), raw.rate
    heard = spent = before = 0.0
    slow = False
    try:
        for event in live.listen(classifier, blocks, rate, settings):
            line = live.as_json(event, classifier.labels) if arguments.json else live.as_line(event)
            print(line, flush=True)
            end = event.heard.end
            heard, spent = heard + end - (before if end > before else 0), spent + event.heard.spent
            before = end
            if event.load > 1 and not slow:
                slow = True
                say(f"the computer is too slow: a hop took {event.load:.1f} times its own length; use a longer --hop")
    finally:
        if heard:
            say(f"heard {heard:.0f} s; computing took {spent / heard:.2%} of that time")
    return 0
