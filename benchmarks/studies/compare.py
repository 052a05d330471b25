"""`python -m benchmarks compare A B`: two results, of two machines or two versions, and what became worse."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.measure.row import Row, short_names
from benchmarks.measure.selection import SIGNIFICANT
from benchmarks.report import table
from benchmarks.report.results import Result, read_result
from toolkit.errors import UsageError
from toolkit.files import write_json, write_text
from toolkit.measure.latency import Latency, Ratio
from toolkit.measure.metrics import mcnemar, two_proportion_z

HEADERS = (
    *("model", "accuracy", "p", "network p50 ms", "x [95 %]", "file to label p50 ms", "x [95 %]"),
    *("size x", "peak x", "verdict"),
)
NONE = "-"
NETWORK, FILE_TO_LABEL = "network", "file to label"


@dataclass(frozen=True)
class Pair:
    """One model in two results.

    Attributes
    ----------
    name
        Its file's name, and its number of threads.
    accuracy
        Before and after; None where one is not known.
    p
        How probable a difference as large is by chance: McNemar's exact test on the same samples, the two-proportion z
        test on others.
    paired
        Whether they were the same samples.
    network, file_to_label
        After as a multiple of before: the quotient of the medians, its interval from how far each may be off.
    size, peak
        Multiples.
    worse, better
        What is so by more than chance and the tolerance.
    unsure
        Times that would be, were they not of a disturbed machine or of other sounds.
    """

    name: str
    accuracy: tuple[float, float] | None
    p: float | None
    paired: bool
    network: Ratio | None
    file_to_label: Ratio | None
    size: float | None
    peak: float | None
    worse: tuple[str, ...]
    better: tuple[str, ...]
    unsure: tuple[str, ...]


def compare_study(arguments: argparse.Namespace, command: str) -> int:
    """Compare two results; returns 1 where something became worse and that is to fail."""
    if not (math.isfinite(arguments.tolerance) and arguments.tolerance >= 0):
        raise UsageError(f"--tolerance is {arguments.tolerance:g}: give a share of 0 or more, such as 0.05")
    before, after = read_result(arguments.before), read_result(arguments.after)
    matched = match(before.rows, after.rows)
    if not matched:
        raise UsageError(
            f"{arguments.before} and {arguments.after} have no model in common: measure files of the same names "
            "with the same --threads"
        )
    untimed = _untimed(before, after)
    pairs = [compare(first, second, arguments.tolerance, untimed) for first, second in matched]
    short = short_names([pair.name for pair in pairs])
    pairs = [replace(pair, name=short[pair.name]) for pair in pairs]
    rows = [_cells(pair, *both) for pair, both in zip(pairs, matched, strict=True)]
    notes = _notes(before, after, matched, arguments)
    print(table.plain(HEADERS, rows))
    print("\n" + "\n".join(notes), flush=True)
    if arguments.json:
        value = {"command": command, "notes": notes, "pairs": [asdict(pair) for pair in pairs]}
        write_json(arguments.json, value)
    if arguments.markdown:
        parts = ["# Two benchmarks", table.markdown(HEADERS, rows), f"`{command}`", *notes]
        write_text(arguments.markdown, "\n\n".join(parts) + "\n")
    return 1 if arguments.fail_if_worse and any(pair.worse for pair in pairs) else 0


def match(before: Sequence[Row], after: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Return the rows of the same file in both: by path and threads, and where only the folder differs, by name."""
    exact = {(row.file, row.threads): row for row in before}
    short: dict[tuple[str, int], list[Row]] = {}
    for row in before:
        short.setdefault((Path(row.file).name, row.threads), []).append(row)
    names = [(Path(row.file).name, row.threads) for row in after]
    found = []
    for row, name in zip(after, names, strict=True):
        alone = short.get(name, []) if names.count(name) == 1 else []
        other = exact.get((row.file, row.threads)) or (alone[0] if len(alone) == 1 else None)
        if other is not None:
            found.append((other, row))
    return found


def _untimed(before: Result, after: Result) -> tuple[str, ...]:
    """Return which times say nothing about the models: all of a disturbed machine, file to label of other sounds."""
    if before.doubts or after.doubts:
        return NETWORK, FILE_TO_LABEL
    return (FILE_TO_LABEL,) if before.clip != after.clip else ()


def compare(before: Row, after: Row, tolerance: float, untimed: Sequence[str] = ()) -> Pair:
    """Return how a model's second measurement differs from its first; the times in `untimed` are at most unsure."""
    accuracy, p, paired = _accuracy(before, after)
    worse: list[str] = []
    better: list[str] = []
    unsure: list[str] = []
    if accuracy is not None and p is not None and p < SIGNIFICANT:
        (worse if accuracy[1] < accuracy[0] else better).append("accuracy")
    ratios = {
        NETWORK: _ratio(before.network, after.network),
        FILE_TO_LABEL: _ratio(before.file_to_label, after.file_to_label),
    }
    for name, ratio in ratios.items():
        if ratio is not None and ratio.low > 1 + tolerance:
            (unsure if name in untimed else worse).append(name)
        if ratio is not None and ratio.high < 1 / (1 + tolerance):
            (unsure if name in untimed else better).append(name)
    peaks = [row.fresh.peak_bytes if row.fresh else None for row in (before, after)]
    sizes = {"size": _quotient(before.size_bytes, after.size_bytes), "peak memory": _quotient(*peaks)}
    for name, quotient in sizes.items():
        if quotient is not None and quotient > 1 + tolerance:
            worse.append(name)
        if quotient is not None and quotient < 1 / (1 + tolerance):
            better.append(name)
    if before.network and not after.network:
        worse.append(f"not measured: {after.status}")
    if after.network and not before.network:
        better.append("measured")
    return Pair(
        after.name,
        accuracy,
        p,
        paired,
        ratios[NETWORK],
        ratios[FILE_TO_LABEL],
        sizes["size"],
        sizes["peak memory"],
        tuple(worse),
        tuple(better),
        tuple(unsure),
    )


def _accuracy(before: Row, after: Row) -> tuple[tuple[float, float] | None, float | None, bool]:
    """Return both accuracies, the p of their difference, and whether they are of the same samples."""
    one, other = before.accuracy, after.accuracy
    if one is None or other is None or before.detail is None or after.detail is None:
        return None, None, False
    both = one.accuracy, other.accuracy
    if (before.judged_on, before.detail.truth) == (after.judged_on, after.detail.truth):
        right = [np.equal(row.predicted, row.truth) for row in (before.detail, after.detail)]
        return both, mcnemar(right[0], right[1])[2], True
    return both, two_proportion_z(other.correct, other.n, one.correct, one.n)[1], False


def _ratio(before: Latency | None, after: Latency | None) -> Ratio | None:
    """Return the quotient of two medians; how far each may be off adds up in squares, as errors of two runs do."""
    if before is None or after is None:
        return None
    quotient, off = after.p50_ms / before.p50_ms, math.hypot(before.spread, after.spread)
    return Ratio(quotient, quotient / (1 + off), quotient * (1 + off))


def _quotient(before: int | None, after: int | None) -> float | None:
    return after / before if before and after else None


def _cells(pair: Pair, before: Row, after: Row) -> tuple[str, ...]:
    """Return a pair's texts, one for each of `HEADERS`."""
    verdict = [f"WORSE: {', '.join(pair.worse)}"] if pair.worse else []
    verdict += [f"better: {', '.join(pair.better)}"] if pair.better else []
    verdict += [f"unsure: {', '.join(pair.unsure)}"] if pair.unsure else []
    return (
        pair.name,
        f"{pair.accuracy[0]:.3f} > {pair.accuracy[1]:.3f}" if pair.accuracy else NONE,
        f"{pair.p:.2f}" if pair.p is not None else NONE,
        _medians(before.network, after.network),
        _interval(pair.network),
        _medians(before.file_to_label, after.file_to_label),
        _interval(pair.file_to_label),
        f"{pair.size:.2f}" if pair.size else NONE,
        f"{pair.peak:.2f}" if pair.peak else NONE,
        "; ".join(verdict) or "no difference",
    )


def _medians(before: Latency | None, after: Latency | None) -> str:
    return f"{before.p50_ms:.1f} > {after.p50_ms:.1f}" if before and after else NONE


def _interval(ratio: Ratio | None) -> str:
    return f"{ratio.median:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]" if ratio else NONE


def _notes(
    before: Result, after: Result, matched: Sequence[tuple[Row, Row]], arguments: argparse.Namespace
) -> list[str]:
    names = {"before": str(arguments.before), "after": str(arguments.after)}
    notes = [f"Before: {names['before']}; after: {names['after']}."]
    for result, name, place in ((before, names["before"], 0), (after, names["after"], 1)):
        if result.doubts:
            notes.append(f"DOUBTFUL, so that no time is called worse or better: {name}: {'; '.join(result.doubts)}.")
        known = {both[place].name for both in matched}
        if lost := [row.name for row in result.rows if row.name not in known]:
            notes.append(f"Only in {name}: {', '.join(lost)}.")
    steady = [
        key for key in before.machine.keys() | after.machine.keys() if key not in ("load", "megahertz", "celsius")
    ]
    changed = [
        f"{key} {before.machine.get(key, 'none')} > {after.machine.get(key, 'none')}"
        for key in sorted(steady)
        if before.machine.get(key) != after.machine.get(key)
    ]
    notes.append(f"What differs between the machines: {'; '.join(changed) or 'nothing that is recorded'}.")
    if before.clip != after.clip:
        notes.append(f"File to label is of different sounds, and not judged: {before.clip} > {after.clip}.")
    notes.append(
        f"Worse, or better: accuracy by p below {SIGNIFICANT:g} (McNemar's exact test on the same samples, else the "
        f"two-proportion z test), times whose whole 95 % interval is beyond {arguments.tolerance:.0%}, size and memory "
        "beyond that. x: after as a multiple of before."
    )
    return notes
