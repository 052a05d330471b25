"""How much of a clip a model needs: held-out clips cut to their middle seconds, by each way of filling the picture."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.arguments import PROG, add_data, add_engine, add_threads, destination
from benchmarks.measure.accuracy import Accuracy, score
from benchmarks.measure.evaluation import own_split
from benchmarks.report import output
from benchmarks.report.output import Record, Table
from benchmarks.report.table import NONE, SYNTHETIC, share
from runtime.classifier import Classifier
from runtime.engines.load import check_threads
from toolkit.artifact.card import Card
from toolkit.audio.decode import load
from toolkit.command import Parser
from toolkit.data.dataset import Index, Item
from toolkit.data.folder_tree import GTZAN_FOLDERS
from toolkit.errors import DatasetError, UsageError
from toolkit.frontend.picture import render
from toolkit.frontend.spec_checks import CHOICES
from toolkit.frontend.windows import split_windows
from toolkit.native_stderr import captured_stderr
from toolkit.parallel import Progress
from toolkit.progress import progress

HEADERS = ("seconds", "short clips are", "accuracy [95 %]", "same label as the full clip [95 %]", "n")
FULL = "full clip"
VERBS = {"tile": "repeated", "pad": "followed by silence", "stretch": "stretched over the picture"}


@dataclass(frozen=True)
class LengthResult:
    """Accuracy on clips cut to `seconds` (None: uncut) and filled by `policy`; `agreement`: same label as uncut."""

    seconds: float | None
    policy: str
    accuracy: Accuracy
    agreement: Accuracy


def held_out(card: Card, trained_on: Index, clips: Index) -> tuple[Item, ...]:
    """Return those of `clips` whose recordings the model was not trained on.

    `trained_on` is the dataset that the model's split was made on: GTZAN's pictures, or `clips` itself. Raises
    `DatasetError` if the split cannot be rebuilt, the classes differ, or no clip is left.
    """
    if set(clips.classes) != set(card.labels):
        raise DatasetError(
            f"{clips.root}: its classes are not {', '.join(card.labels)}: use the dataset it was trained on"
        )
    split = own_split(card, trained_on)
    if split is None:
        raise DatasetError(
            f"{trained_on.root}: the model's split ({card.split.name}) was made on other files, so which clips it was "
            "trained on is not known: name the dataset it was trained on with --data"
        )
    tracks = {trained_on.by_name[name].track for name in split.train}
    contents = {trained_on.by_name[name].digest for name in split.train}
    items = tuple(item for item in clips.items if item.track not in tracks and item.digest not in contents)
    if not items:
        raise DatasetError(f"{clips.root}: the model was trained on every clip here: there is none to try it on")
    return items


def study(
    classifier: Classifier,
    clips: Index,
    items: Sequence[Item],
    seconds: Sequence[float],
    policies: Sequence[str],
    progress: Progress,
) -> tuple[LengthResult, ...]:
    """Classify every clip uncut, then cut to each of `seconds` and filled by each of `policies`.

    Clips shorter than the longest cut are left out, so that all results are on the same clips. A length that is not
    above zero, or leaves nothing to fill, is a `UsageError`; no clip that is long enough is a `DatasetError`.
    """
    spec = classifier.card.front_end
    for length in seconds:
        if not 0 < length <= spec.window_seconds - 1:
            raise UsageError(f"--seconds {length:g}: use above 0 and at most {spec.window_seconds - 1:g}")
    cases = [(length, policy) for length in seconds for policy in policies]
    guesses: list[list[int]] = []
    truth: list[int] = []
    for number, item in enumerate(items, start=1):
        samples = load(clips.path(item), spec.sample_rate)
        if len(samples) >= max(seconds) * spec.sample_rate:
            cuts = [_label(classifier, middle(samples, length, spec.sample_rate), policy) for length, policy in cases]
            guesses.append([_label(classifier, samples, spec.short), *cuts])
            truth.append(classifier.labels.index(item.label))
        progress(number, len(items))
    if not guesses:
        raise DatasetError(f"{clips.root}: no clip is as long as {max(seconds):g} s: use shorter --seconds")
    columns, right = np.array(guesses).T, np.array(truth)
    named: list[tuple[float | None, str]] = [(None, ""), *cases]
    return tuple(
        LengthResult(*case, score(column, right), score(column, columns[0]))
        for case, column in zip(named, columns, strict=True)
    )


def middle(samples: NDArray[np.float32], seconds: float, rate: int) -> NDArray[np.float32]:
    """Return the middle `seconds` of samples (n,) at `rate` samples a second; all of them where there are fewer."""
    count = min(len(samples), round(seconds * rate))
    start = (len(samples) - count) // 2
    return samples[start : start + count]


def _label(classifier: Classifier, samples: NDArray[np.float32], policy: str) -> int:
    """Return the class number of samples that are shorter than a picture and are filled by `policy`."""
    spec = replace(classifier.card.front_end, short=policy)
    pictures = [render(window, spec) for window in split_windows(samples, spec)]
    return int(np.mean([classifier.probabilities(picture) for picture in pictures], axis=0).argmax())


def cells(result: LengthResult) -> tuple[str, ...]:
    """Return a result's texts, one for each of `HEADERS`."""
    return (
        FULL if result.seconds is None else f"{result.seconds:g}",
        VERBS.get(result.policy, NONE),
        share(result.accuracy),
        share(result.agreement),
        str(result.accuracy.n),
    )


def parser() -> Parser:
    """Return the parser of `cliplength`."""
    parser = Parser(prog=f"{PROG} cliplength", description="Accuracy on clips cut to their middle seconds.")
    parser.add_argument("model", type=Path, metavar="MODEL", help="a model file")
    add_data(parser)
    add_engine(parser)
    add_threads(parser)
    lengths, policies = [5.0, 10.0, 20.0], list(CHOICES["short"])
    parser.add_argument("--seconds", type=float, nargs="+", default=lengths, metavar="S", help="lengths (5 10 20)")
    parser.add_argument("--policies", nargs="+", choices=policies, default=policies, help="ways to fill the picture")
    return parser


def main(arguments: argparse.Namespace) -> int:
    """Measure what a part of a clip is worth."""
    data = output.data(arguments.data)
    record = Record.begin()
    threads = check_threads(arguments.threads, "--threads")
    with captured_stderr():
        classifier = Classifier.load(arguments.model, engine=arguments.engine, threads=threads)
    if classifier.card.input_level != "picture":
        raise UsageError(f"{arguments.model}: its input is sound of one length: name a model whose input is pictures")
    clips = output.index(data, "audio")
    trained_on = clips
    if (data / GTZAN_FOLDERS["pictures"]).is_dir() and own_split(classifier.card, clips) is None:
        trained_on = output.index(data, "pictures")
    items = held_out(classifier.card, trained_on, clips)
    with progress("classifying clips") as report:
        results = study(classifier, clips, items, arguments.seconds, arguments.policies, report)
    notes = [
        f"Model: {arguments.model.name}. Clips: the {results[0].accuracy.n} of {len(clips.items)} that it was not "
        f"trained on (split {classifier.card.split.name}) and that are long enough. 95 % Wilson intervals."
    ]
    if classifier.card.dataset.synthetic:
        notes.insert(0, SYNTHETIC)
    value = {"model": str(arguments.model), "results": [asdict(result) for result in results]}
    shown = Table("How much of a clip is needed", HEADERS, [cells(result) for result in results])
    record.publish(destination(arguments), shown, notes, value)
    return 0
