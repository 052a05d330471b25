"""`python -m runtime FILE|DIR|-...`: classify sounds; `info MODEL`: what a model says; `doctor`: what works here."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from toolkit.command import Parser, run
from toolkit.errors import EngineError

PROG = "python -m runtime"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, or 1 when a file could not be classified."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["info"]:
        return _info(words[1:])
    if words[:1] == ["doctor"]:
        return _doctor(words[1:])
    try:
        from runtime.classify import classify  # not before: `doctor` must start where NumPy does not
    except OSError as error:
        raise EngineError(f"a library does not work here ({error}): see `{PROG} doctor`") from None
    return classify(words)


def entry(argv: Sequence[str] | None = None) -> int:
    """Run the command and turn errors into one line and an exit code."""
    return run(PROG, main, argv)


def _info(words: Sequence[str]) -> int:
    parser = Parser(prog=f"{PROG} info", description="Show what a model file says of itself.")
    parser.add_argument(
        "model", type=Path, nargs="?", metavar="MODEL", help="a .tflite or .onnx file (default: as for classifying)"
    )
    parser.add_argument("--json", action="store_true", help="print the card as JSON")
    arguments = parser.parse_args(words)
    from runtime.default_model import find_model
    from runtime.info import checked_card, described

    path = arguments.model or find_model()
    card = checked_card(path)
    print(card.to_json().rstrip() if arguments.json else described(path, card))
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
