"""What `python -m runtime FILE|DIR|-...` does: classify one after the other, and print what comes out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from runtime.arguments import check, parser, raw_of
from runtime.classifier import Classifier
from runtime.cli import PROG
from runtime.default_model import find_model
from runtime.prediction import Prediction
from runtime.sources import STDIN, STDIN_NAME, Raw, check_source, expanded, read_stdin
from toolkit.errors import AudioError
from toolkit.native_stderr import captured_stderr


def classify(words: Sequence[str]) -> int:
    """Classify what the words of a command line name; return 0, or 1 where something could not be classified."""
    arguments = parser().parse_args(words)
    check(arguments)
    raw = raw_of(arguments)
    endless = arguments.stream or arguments.listen
    if endless:
        from runtime.stream.listen import settings_of

        settings_of(arguments)  # before a model is loaded
    path = arguments.model or find_model()
    with captured_stderr():  # engines announce their delegates there
        classifier = Classifier.load(path, engine=arguments.engine, threads=arguments.threads)
    if arguments.model is None and (arguments.json or arguments.csv or endless):
        print(f"{PROG}: using {path}", file=sys.stderr)
    if endless:
        from runtime.stream.listen import listen

        return listen(classifier, raw, arguments, PROG)
    from runtime import output

    least, labels = arguments.min_confidence, classifier.labels
    told: Callable[[str, Prediction], str]
    if arguments.json:
        told = lambda name, prediction: output.as_json(name, prediction, least)  # noqa: E731
    elif arguments.csv:
        told = lambda name, prediction: output.as_csv(name, prediction, least, labels)  # noqa: E731
        print(output.csv_header(labels))
    else:
        told = lambda name, prediction: output.as_table(name, prediction, least, arguments.top)  # noqa: E731
        print(output.heading(classifier, str(path)))
    names, failed = expanded(arguments.files), 0
    progress = _Progress(len(names))
    for number, name in enumerate(names):
        progress.show(number, name)
        try:
            shown, prediction = _predicted(classifier, name, raw)
        except AudioError as error:
            progress.clear()
            print(f"{PROG}: error: {error}", file=sys.stderr)
            failed += 1
            continue
        progress.clear()
        print(told(shown, prediction), flush=True)
    if failed and len(names) > 1:
        print(f"{PROG}: {failed} of {len(names)} could not be classified", file=sys.stderr)
    return 1 if failed else 0


def _predicted(classifier: Classifier, name: str, raw: Raw) -> tuple[str, Prediction]:
    """Return what to call a source, and what the network says of it."""
    if name == STDIN:
        rate = classifier.card.front_end.sample_rate
        return STDIN_NAME, classifier.classify(read_stdin(raw, rate), rate=rate)
    check_source(name)
    with captured_stderr():  # decoders have remarks of their own
        return name, classifier.classify(name)


class _Progress:
    """How far a long list is, on a terminal's last line; nothing anywhere else."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._shown = count > 1 and sys.stderr.isatty()

    def show(self, number: int, name: str) -> None:
        if self._shown:
            print(f"\r\033[K{number + 1} of {self._count}: {name[-60:]}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
