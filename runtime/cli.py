"""`python -m runtime FILE...`: classify sound files."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from runtime.classifier import Classifier, Prediction
from runtime.engines import ENGINES, check_threads, installed
from toolkit.artifact import TFLITE, model_files
from toolkit.card import INPUT_LEVELS
from toolkit.command import Parser, run
from toolkit.errors import ArtifactError, AudioError, UsageError
from toolkit.quiet import captured_stderr

PROG = "python -m runtime"
ARTIFACTS = Path("artifacts")
BAR = 24


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
    arguments = _parser().parse_args(argv)
    if arguments.top is not None and arguments.top < 1:
        raise UsageError(f"--top is {arguments.top}: give 1 or more")
    if arguments.threads is not None:
        check_threads(arguments.threads, "--threads")
    path = arguments.model or find_model(ARTIFACTS)
    with captured_stderr():  # engines announce their delegates there
        classifier = Classifier.load(path, engine=arguments.engine, threads=arguments.threads)
    if not arguments.json:
        _print_model(classifier, path)
    elif arguments.model is None:
        print(f"{PROG}: using {path}", file=sys.stderr)
    failed = 0
    for name in arguments.files:
        try:
            prediction = classifier.classify(name)
        except AudioError as error:
            print(f"{PROG}: error: {error}", file=sys.stderr)
            failed += 1
            continue
        print(_as_json(name, prediction) if arguments.json else _as_table(name, prediction, arguments.top), flush=True)
    return 1 if failed else 0


def entry(argv: Sequence[str] | None = None) -> int:
    """Run the command and turn errors into one line and an exit code."""
    return run(PROG, main, argv)


def _parser() -> Parser:
    parser = Parser(prog=PROG, description="Classify sound files with an exported model.")
    parser.add_argument("files", metavar="FILE", nargs="+", help="a sound file (WAV, FLAC, Ogg, MP3, ...)")
    parser.add_argument(
        "--model",
        type=Path,
        metavar="M",
        help="a .tflite or .onnx file (default: the newest in ./artifacts, float32 first)",
    )
    parser.add_argument(
        "--top", type=int, metavar="N", help="show the N most probable classes only (the table; JSON has all)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a file and line")
    parser.add_argument(
        "--threads", type=int, metavar="N", help="computing threads (default: the processors, at most 4)"
    )
    parser.add_argument(
        "--engine", choices=tuple(ENGINES), help="inference engine (default: the first that is installed)"
    )
    return parser


def _as_json(name: str, prediction: Prediction) -> str:
    value = {
        "file": name,
        "label": prediction.label,
        "probabilities": prediction.by_label(),
        "windows": prediction.windows,
        "timings_ms": prediction.timings_ms,
        "model": prediction.model,
    }
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _print_model(classifier: Classifier, path: Path) -> None:
    card, accuracy = classifier.card, classifier.card.accuracy
    low, high = accuracy.wilson95
    threads = f"{classifier.engine.threads} thread{'s' if classifier.engine.threads > 1 else ''}"
    print(
        f"{card.model}-{card.precision} ({path}; {classifier.engine.name}, {threads}), trained on {card.dataset.name}"
    )
    print(
        f"{accuracy.part} accuracy {accuracy.accuracy:.3f} [{low:.3f}, {high:.3f}], "
        f"n = {accuracy.n}, split {card.split.name}"
    )
    if card.dataset.synthetic:
        print(f"note: {card.dataset.notice}")


def _as_table(name: str, prediction: Prediction, top: int | None) -> str:
    times = prediction.timings_ms
    parts = f"read {times['read']:.0f}, picture {times['front_end']:.0f}, network {times['network']:.0f}"
    windows = f", {prediction.windows} windows" if prediction.windows > 1 else ""
    lines = ["", f"{name}: {prediction.label}  ({times['total']:.0f} ms: {parts}{windows})"]
    shown = list(prediction.by_label().items())[:top]
    width = max(len(label) for label, _ in shown)
    for label, probability in shown:
        bar = "#" * round(BAR * probability)
        lines.append(f"  {label:<{width}}  {probability:6.1%}  {bar}".rstrip())
    return "\n".join(lines)
