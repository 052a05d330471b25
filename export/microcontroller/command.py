"""`python -m export check-micro FILE`: whether a microcontroller or the Edge TPU would run a TFLite file."""

from __future__ import annotations

import argparse
from pathlib import Path

from export.microcontroller.check import TARGETS, Verdict, judged, operator_list
from export.microcontroller.operators import least_arena, read_operators
from toolkit.artifact.file import TFLITE, file_format, has_card, read_archive
from toolkit.command import Parser, Verb
from toolkit.errors import UsageError


def check_micro() -> Verb:
    """Return the verb."""
    return Verb("name the operators that a microcontroller or the Edge TPU would not run", _parser, _work)


def _parser() -> Parser:
    parser = Parser(
        prog="python -m export check-micro",
        description="Name every operator of a TFLite file that TensorFlow Lite Micro or the Edge TPU compiler would "
        "not take, by their published lists. The exit code is 1 where there is one.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="a .tflite file, with a card or without")
    parser.add_argument("--target", choices=TARGETS, action="append", help="judge this one alone (default: both)")
    return parser


def _work(arguments: argparse.Namespace) -> int:
    lines, fits = report(arguments.file, arguments.target or TARGETS)
    print("\n".join(lines))
    return 0 if fits else 1


def report(path: Path, targets: tuple[str, ...] | list[str]) -> tuple[list[str], bool]:
    """Return what is to say of a file, in lines, and whether every target takes all of it.

    Raise `ArtifactError` if it cannot be read, `UsageError` if it is an ONNX file.
    """
    if file_format(path) != TFLITE:
        raise UsageError(f"{path}: an ONNX file: these targets run .tflite files alone")
    content = path.read_bytes()
    size = read_archive(path).start if has_card(path, content) else len(content)
    graphs = read_operators(path, content[:size])
    lines = [f"{path}: {sum(map(len, graphs))} operators, {size:,} bytes"]
    if len(graphs) == 1:
        lines.append(f"tensors that are needed at the same time: {least_arena(graphs[0]):,} bytes; an arena needs more")
    verdicts = [judged(target, graphs) for target in targets]
    for verdict in verdicts:
        lines += _described(verdict)
    return lines, not any(verdict.refused for verdict in verdicts)


def _described(verdict: Verdict) -> list[str]:
    listed = operator_list(verdict.target)
    count = verdict.operators
    head = f"{verdict.target}: takes all {count} operators"
    if verdict.refused:
        refused = sum(finding.count for finding in verdict.refused)
        head = f"{verdict.target}: does not take {refused} of {count} operators, the first after {verdict.before}"
    lines = [f"{head}, by the list of {listed['date']} ({listed['version']})"]
    lines += [f"  no: {finding.count} x {finding.operator}: {finding.reason}" for finding in verdict.refused]
    lines += [f"  if: {finding.count} x {finding.operator}: {finding.reason}" for finding in verdict.limited]
    return lines
