"""`python -m runtime FILE|DIR|-...`: classify sounds; `info MODEL`: what a model says; `doctor`: what works here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from runtime.arguments import PROG, check, parser
from runtime.classifier import Classifier
from runtime.engines import installed
from runtime.prediction import Prediction
from runtime.sources import STDIN, STDIN_NAME, Raw, check_source, expanded, read_stdin
from toolkit.artifact import TFLITE, model_files
from toolkit.card import INPUT_LEVELS
from toolkit.command import Parser, run
from toolkit.errors import ArtifactError, AudioError
from toolkit.quiet import captured_stderr

ARTIFACTS = Path("artifacts")


def find_model(folder: Path) -> Path:
    """Return the model in `folder` to use where none is named.

    One that an installed engine runs, if there is one; then one that takes pictures, which is faster here than a front
    end inside; then float32 rather than another precision, .tflite rather than .onnx, and the newest.
    """
    found = model_files(folder)
    if not found:
        raise ArtifactError(
            f"no model: there is no .tflite or .onnx file in {folder}{'' if folder.is_dir() else ' (no such folder)'}; "
            "make one with `python -m export --format tflite`, or name one with --model"
        )

    def preference(path: Path) -> tuple[bool, bool, bool, bool, int, str]:
        kind, words = path.suffix.lstrip("."), path.stem.split("-")
        pictures = not {*INPUT_LEVELS[1:]} & {*words}
        newest = path.stat().st_mtime_ns
        return bool(installed(kind)), pictures, "float32" in words, kind == TFLITE, newest, path.name

    return max(found, key=preference)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, or 1 when a file could not be classified."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["info"]:
        return _info(words[1:])
    if words[:1] == ["doctor"]:
        return _doctor(words[1:])
    return _classify(words)


def entry(argv: Sequence[str] | None = None) -> int:
    """Run the command and turn errors into one line and an exit code."""
    return run(PROG, main, argv)


def _classify(words: Sequence[str]) -> int:
    arguments = parser().parse_args(words)
    check(arguments)
    raw = Raw(arguments.rate, arguments.channels, arguments.pcm)
    path = arguments.model or find_model(ARTIFACTS)
    with captured_stderr():  # engines announce their delegates there
        classifier = Classifier.load(path, engine=arguments.engine, threads=arguments.threads)
    if arguments.stream or arguments.listen:
        from runtime.listening import listen

        return listen(classifier, raw, arguments, PROG)
    from runtime import report

    least, labels = arguments.min_confidence, classifier.labels
    told: Callable[[str, Prediction], str]
    if arguments.json:
        told = lambda name, prediction: report.as_json(name, prediction, least)  # noqa: E731
    elif arguments.csv:
        told = lambda name, prediction: report.as_csv(name, prediction, least, labels)  # noqa: E731
        print(report.csv_header(labels))
    else:
        told = lambda name, prediction: report.as_table(name, prediction, least, arguments.top)  # noqa: E731
        print(report.heading(classifier, str(path)))
    if arguments.model is None and (arguments.json or arguments.csv):
        print(f"{PROG}: using {path}", file=sys.stderr)
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
        return STDIN_NAME, classifier.classify(read_stdin(raw), rate=raw.rate)
    check_source(name)
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


def _info(words: Sequence[str]) -> int:
    parser = Parser(prog=f"{PROG} info", description="Show what a model file says of itself.")
    parser.add_argument("model", type=Path, metavar="MODEL", help="a .tflite or .onnx file")
    parser.add_argument("--json", action="store_true", help="print the card as JSON")
    arguments = parser.parse_args(words)
    from runtime.info import checked_card, described

    card = checked_card(arguments.model)
    print(card.to_json().rstrip() if arguments.json else described(arguments.model, card))
    return 0


def _doctor(words: Sequence[str]) -> int:
    parser = Parser(
        prog=f"{PROG} doctor", description="Say which engines and models work on this machine, and why not."
    )
    parser.add_argument("model", type=Path, nargs="?", metavar="MODEL", help="a model file to try")
    arguments = parser.parse_args(words)
    from runtime.doctor import examined

    findings = examined(arguments.model)
    for finding in findings:
        print(f"{finding.mark}  {finding.text}")
    return 1 if any(finding.bad for finding in findings) else 0
