"""One model in two results: ratios, and what became worse by more than chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.measure.accuracy import Detail
from benchmarks.measure.row import Row
from benchmarks.measure.selection import SIGNIFICANT
from toolkit.measure.latency import Latency, Ratio
from toolkit.measure.metrics import mcnemar, two_proportion_z

NETWORK, FILE_TO_LABEL = "network", "file to label"
PUBLISHED = ("paper", "fault-filtered")
"""Splits whose clips their name decides."""


@dataclass(frozen=True)
class Pair:
    """One model in two results: its file's name and number of threads, and figures before and after.

    `p` is the probability of so large a difference by chance: McNemar's exact test on the clips that both were judged
    on, of which there are `common`, the two-proportion z test where there are none (`paired` is then false).
    `network`, `file_to_label`, `size` and `peak` are after as a multiple of before; the interval of a time comes from
    how far each median may be off. `worse` and `better` are beyond chance and the tolerance; so is what is
    `unsure`: times of a disturbed machine or of different clips, accuracies on different datasets. What was not
    measured on both sides is in `missing`, and neither equal nor worse.
    """

    name: str
    accuracy: tuple[float, float] | None
    p: float | None
    paired: bool
    common: int
    network: Ratio | None
    file_to_label: Ratio | None
    size: float | None
    peak: float | None
    worse: tuple[str, ...]
    better: tuple[str, ...]
    unsure: tuple[str, ...]
    missing: tuple[str, ...]


def match(before: Sequence[Row], after: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Return the rows of the same file in both: by path and threads, and where only the folder differs, by name."""
    exact = {(row.file, row.threads): row for row in before}
    old, new = ([(Path(row.file).name, row.threads) for row in rows] for rows in (before, after))
    pairs = []
    for row, name in zip(after, new, strict=True):
        other = exact.get((row.file, row.threads))
        if other is None and old.count(name) == new.count(name) == 1:
            other = before[old.index(name)]
        if other is not None:
            pairs.append((other, row))
    return pairs


def compare_rows(before: Row, after: Row, tolerance: float, untimed: Sequence[str] = ()) -> Pair:
    """Return how a model's second measurement differs from its first; the times in `untimed` are at most unsure."""
    accuracy, p, common = _accuracy(before, after)
    worse: list[str] = []
    better: list[str] = []
    unsure: list[str] = []
    if accuracy is not None and p is not None and p < SIGNIFICANT:
        verdict = worse if accuracy[1] < accuracy[0] else better
        (unsure if other_data(before, after) else verdict).append("accuracy")
    network, whole = _ratio(before.network, after.network), _ratio(before.file_to_label, after.file_to_label)
    size = _quotient(before.size_bytes, after.size_bytes)
    peak = _quotient(*(row.fresh.peak_bytes if row.fresh else None for row in (before, after)))
    quotients = {"size": size, "peak memory": peak}
    exact = {name: None if q is None else Ratio(q, q, q) for name, q in quotients.items()}
    missing = [] if accuracy else ["accuracy"]
    for name, ratio in {NETWORK: network, FILE_TO_LABEL: whole, **exact}.items():
        if ratio is None:
            missing.append(name)
        elif ratio.low > 1 + tolerance:
            (unsure if name in untimed else worse).append(name)
        elif ratio.high < 1 / (1 + tolerance):
            (unsure if name in untimed else better).append(name)
    if before.network and not after.network:
        worse.append(f"not measured: {after.status}")
    if after.network and not before.network:
        better.append("measured")
    verdicts = tuple(worse), tuple(better), tuple(unsure), tuple(missing)
    return Pair(after.name, accuracy, p, common > 0, common, network, whole, size, peak, *verdicts)


def _accuracy(before: Row, after: Row) -> tuple[tuple[float, float] | None, float | None, int]:
    """Return both accuracies, the p of their difference, and how many common clips these are of."""
    one, other = before.accuracy, after.accuracy
    if one is None or other is None or before.detail is None or after.detail is None:
        return None, None, 0
    places = common_clips(before, after)
    if not places:
        return (one.accuracy, other.accuracy), two_proportion_z(other.correct, other.n, one.correct, one.n)[1], 0
    firsts, seconds = (list(column) for column in zip(*places, strict=True))
    right = np.equal(before.detail.predicted, before.detail.truth)[firsts]
    right_after = np.equal(after.detail.predicted, after.detail.truth)[seconds]
    return (float(right.mean()), float(right_after.mean())), mcnemar(right, right_after)[2], len(places)


def common_clips(before: Row, after: Row) -> list[tuple[int, int]]:
    """Return the places, in both, of the clips that both were judged on.

    Clips are the same where their files and their classes are. A result without digests counts as of the same
    clips as another only where its run, or a published split, leaves no other choice.
    """
    one, other = before.detail, after.detail
    if one is None or other is None:
        return []
    if one.clips and other.clips:
        later = {key: place for place, key in enumerate(_clip_keys(other))}
        return [(place, later[key]) for place, key in enumerate(_clip_keys(one)) if key in later]
    same_part = (before.judged_on, one.labels, one.truth) == (after.judged_on, other.labels, other.truth)
    same_run = before.run_digest == after.run_digest != ""
    if same_part and (same_run or before.judged_on.partition("/")[0] in PUBLISHED):
        return [(place, place) for place in range(len(one.truth))]
    return []


def _clip_keys(detail: Detail) -> list[tuple[str, str, int]]:
    """Return the keys of a part's clips: digest, class, and a number where a file is there more than once."""
    clips = [(clip, detail.labels[number]) for clip, number in zip(detail.clips, detail.truth, strict=True)]
    return [(*clip, clips[:place].count(clip)) for place, clip in enumerate(clips)]


def other_data(before: Row, after: Row) -> str:
    """Return why two accuracies are of different datasets; "" where they are of one, or where that is not recorded.

    A dataset to which files were added or removed has another digest, and clips in common.
    """
    one, other = before.detail, after.detail
    if one is None or other is None:
        return ""
    if set(one.labels) != set(other.labels):
        return f"classes {', '.join(one.labels[:3])} ... and {', '.join(other.labels[:3])} ..."
    if before.synthetic != after.synthetic:
        return "one is synthetic"
    digests = before.dataset_digest, after.dataset_digest
    if all(digests) and digests[0] != digests[1] and not common_clips(before, after):
        return f"digests {digests[0][:12]} and {digests[1][:12]}, no clip in common"
    return ""


def _ratio(before: Latency | None, after: Latency | None) -> Ratio | None:
    """Return the quotient of two medians; how far each may be off adds up in squares, as errors of two runs do."""
    if before is None or after is None:
        return None
    quotient, off = after.p50_ms / before.p50_ms, math.hypot(before.spread, after.spread)
    return Ratio(quotient, quotient / (1 + off), quotient * (1 + off))


def _quotient(before: int | None, after: int | None) -> float | None:
    return after / before if before and after else None
