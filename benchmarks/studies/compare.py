"""`python -m benchmarks compare A B`: two results, of two machines or two versions, and what became worse."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks.arguments import PROG, add_outputs, destination
from benchmarks.measure.pairs import FILE_TO_LABEL, NETWORK, Pair, compare_rows, match, other_data
from benchmarks.measure.row import Row, short_names
from benchmarks.measure.selection import SIGNIFICANT
from benchmarks.report.output import Table, publish
from benchmarks.report.results import Result, read_result
from benchmarks.report.table import NONE, ratio
from toolkit.command import Parser
from toolkit.errors import UsageError
from toolkit.measure.latency import Latency

HEADERS = (
    *("model", "accuracy", "p", "network p50 ms", "x [95 %]", "file to label p50 ms", "x [95 %]"),
    *("size x", "peak x", "verdict"),
)
VARYING = ("load", "megahertz", "celsius")
"""Facts of a machine that change from minute to minute."""


def parser() -> Parser:
    """Return the parser of `compare`."""
    parser = Parser(
        prog=f"{PROG} compare",
        description="Two results beside each other, of two machines or two versions: ratios, and what became worse.",
    )
    parser.add_argument("before", type=Path, metavar="A", help="the results.json of a benchmark, or what --json wrote")
    parser.add_argument("after", type=Path, metavar="B", help="that of another")
    parser.add_argument(
        "--tolerance", type=float, default=0.05, metavar="SHARE", help="growth that is no regression (%(default)s)"
    )
    parser.add_argument("--other-data", action="store_true", help="compare accuracies on different datasets, too")
    parser.add_argument("--fail-if-worse", action="store_true", help="exit with 1 where something became worse")
    add_outputs(parser)
    return parser


def main(arguments: argparse.Namespace) -> int:
    """Compare two results; returns 1 where something became worse and that is to fail."""
    if not (math.isfinite(arguments.tolerance) and arguments.tolerance >= 0):
        raise UsageError(f"--tolerance is {arguments.tolerance:g}: use a share of 0 or more, such as 0.05")
    before, after = read_result(arguments.before), read_result(arguments.after)
    files = f"{arguments.before} and {arguments.after}"
    matched = match(before.rows, after.rows)
    if not matched:
        raise UsageError(f"{files} have no model in common: measure files of the same names with the same --threads")
    for first, second in matched:
        if not arguments.other_data and (reason := other_data(first, second)):
            raise UsageError(
                f"{files}: {second.name} was judged on different datasets ({reason}): measure both on one, or add "
                "--other-data"
            )
    untimed = _untimed(before, after)
    pairs = [compare_rows(*rows, arguments.tolerance, untimed) for rows in matched]
    short = short_names([pair.name for pair in pairs])
    pairs = [replace(pair, name=short[pair.name]) for pair in pairs]
    cells = [_cells(pair, *rows) for pair, rows in zip(pairs, matched, strict=True)]
    notes = [*_notes(before, after, matched, arguments), *_clip_notes(matched, pairs)]
    value = {"command": arguments.command, "notes": notes, "pairs": [asdict(pair) for pair in pairs]}
    publish(destination(arguments), Table("Two benchmarks", HEADERS, cells), notes, value)
    return 1 if arguments.fail_if_worse and any(pair.worse for pair in pairs) else 0


def _untimed(before: Result, after: Result) -> tuple[str, ...]:
    """Return which times say nothing about the models: all of a disturbed machine, file to label of other clips."""
    if before.doubts or after.doubts:
        return NETWORK, FILE_TO_LABEL
    return (FILE_TO_LABEL,) if before.clip != after.clip else ()


def _cells(pair: Pair, before: Row, after: Row) -> tuple[str, ...]:
    """Return a pair's texts, one for each of `HEADERS`."""
    differences = {"WORSE": pair.worse, "better": pair.better, "unsure": pair.unsure}
    verdicts = [f"{word}: {', '.join(names)}" for word, names in differences.items() if names] or ["no difference"]
    verdicts += [f"not compared: {', '.join(pair.missing)}"] if pair.missing else []
    return (
        pair.name,
        f"{pair.accuracy[0]:.3f} > {pair.accuracy[1]:.3f}" if pair.accuracy else NONE,
        f"{pair.p:.2f}" if pair.p is not None else NONE,
        _medians(before.network, after.network),
        ratio(pair.network),
        _medians(before.file_to_label, after.file_to_label),
        ratio(pair.file_to_label),
        f"{pair.size:.2f}" if pair.size else NONE,
        f"{pair.peak:.2f}" if pair.peak else NONE,
        "; ".join(verdicts),
    )


def _medians(before: Latency | None, after: Latency | None) -> str:
    return f"{before.p50_ms:.1f} > {after.p50_ms:.1f}" if before and after else NONE


def _notes(
    before: Result, after: Result, matched: Sequence[tuple[Row, Row]], arguments: argparse.Namespace
) -> list[str]:
    """Return what was compared, what differs between the machines, and the rule of the verdicts."""
    notes = [f"Before: {arguments.before}; after: {arguments.after}."]
    for place, (result, file) in enumerate(((before, arguments.before), (after, arguments.after))):
        if result.doubts:
            notes.append(f"DOUBTFUL, so that no time is called worse or better: {file}: {'; '.join(result.doubts)}.")
        matched_names = {rows[place].name for rows in matched}
        if lost := [row.name for row in result.rows if row.name not in matched_names]:
            notes.append(f"Only in {file}: {', '.join(lost)}.")
    machines = before.machine, after.machine
    facts = {key: [facts.get(key, "none") for facts in machines] for key in sorted({**machines[0], **machines[1]})}
    changed = [f"{key} {old} > {new}" for key, (old, new) in facts.items() if old != new and key not in VARYING]
    notes.append(f"What differs between the machines: {'; '.join(changed) or 'nothing that is recorded'}.")
    if before.clip != after.clip:
        notes.append(f"File to label is of different clips, and not judged: {before.clip} > {after.clip}.")
    notes.append(
        f"Worse, or better: accuracy by p below {SIGNIFICANT:g} (McNemar's exact test on the clips in common, else "
        f"the two-proportion z test), times whose whole 95 % interval is beyond {arguments.tolerance:.0%}, size and "
        "memory beyond that. Not compared: what one result, or both, did not measure. x: after as a multiple of before."
    )
    return notes


def _clip_notes(matched: Sequence[tuple[Row, Row]], pairs: Sequence[Pair]) -> list[str]:
    """Return which clips the accuracies are of, each sentence once with the models that it holds for."""
    names: dict[str, list[str]] = {}
    for (before, after), pair in zip(matched, pairs, strict=True):
        if before.detail is None or after.detail is None:
            continue
        counts = len(before.detail.truth), len(after.detail.truth)
        recorded = before.detail.clips and after.detail.clips
        if reason := other_data(before, after):
            note = f"judged on different datasets ({reason}), so that no accuracy is called worse or better"
        elif not recorded and pair.paired:
            note = "one result does not record its clips; they count as the same, as the run or the split is"
        elif not recorded:
            note = (
                "one result does not record its clips; whether they, and the dataset, are the same cannot be known: "
                "compared as different clips"
            )
        elif not pair.paired:
            note = f"judged on different clips ({counts[0]} and {counts[1]}, none in common)"
        elif counts != (pair.common, pair.common):
            note = f"compared on the {pair.common} clips in common, of {counts[0]} and {counts[1]}"
        else:
            continue
        names.setdefault(note, []).append(pair.name)
    return [f"{', '.join(models)}: {note}." for note, models in names.items()]
