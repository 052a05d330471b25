"""The whole measurement: every model's accuracy, size, memory and latency, each model against its float32 twin."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import accuracy as correctness
from benchmarks import sounds
from benchmarks.accuracy import Accuracy, Detail, Paired
from benchmarks.memory import FreshProcess, measure_fresh
from benchmarks.parts import Part, find_part
from runtime.classifier import Classifier
from runtime.inputs import model_input
from runtime.prediction import Prediction
from toolkit import latency
from toolkit.audio import load
from toolkit.card import Card
from toolkit.dataset import Index
from toolkit.errors import GtzanetError
from toolkit.latency import Latency, Plan, Ratio, Rounds, Task
from toolkit.parallel import Progress
from toolkit.pictures import load_pictures
from toolkit.quiet import captured_stderr
from toolkit.windows import split_windows

Stage = Callable[[str], AbstractContextManager[Progress]]
"""Opens a stage of the work by its name and gives the function that tells how far it is."""


@dataclass(frozen=True)
class Settings:
    """What to measure and how; `clip` is the sound that is classified from file to label.

    Without `whole` nothing is classified from file to label, and no process is started for that: the network alone is
    timed.
    """

    clip: Path
    threads: int
    part: str = "validation"
    split: str | None = None
    plan: Plan = field(default_factory=Plan)
    engine: str | None = None
    cache: Path | None = None
    whole: bool = True


@dataclass(frozen=True)
class Row:
    """One model file's results. `status` is "ok", or says what is wrong; what could not be measured is None.

    `stages` are the mean milliseconds of every stage from file to label (`Prediction.timings_ms`); they add up to their
    "total".
    """

    file: str
    size_bytes: int
    model: str = ""
    precision: str = ""
    run_digest: str = ""
    synthetic: bool = False
    engine: str = ""
    judged_on: str = ""
    accuracy: Accuracy | None = None
    detail: Detail | None = None
    against_float32: Paired | None = None
    network: Latency | None = None
    network_ratio: Ratio | None = None
    file_to_label: Latency | None = None
    file_ratio: Ratio | None = None
    stages: dict[str, float] | None = None
    fresh: FreshProcess | None = None
    status: str = "ok"


@dataclass
class _Candidate:
    """A model on its way through the stages."""

    row: Row
    classifier: Classifier
    predicted: NDArray[np.int64] | None = None
    truth: NDArray[np.int64] | None = None

    @property
    def card(self) -> Card:
        return self.classifier.card


@contextmanager
def silent(_: str) -> Iterator[Progress]:
    """Open a stage that tells nothing."""
    yield lambda done, total: None


def measure_models(paths: Sequence[Path], index: Index | None, settings: Settings, stage: Stage = silent) -> list[Row]:
    """Measure model files and return a row for each, in their order.

    A model that cannot be opened or run does not stop the others: its row's status says why. One that takes sound has
    no accuracy of its own: it holds the network of a file that takes pictures.

    Parameters
    ----------
    index
        The dataset, or None to measure everything but accuracy, on made-up sounds.
    """
    rows: dict[Path, Row] = {}
    ready: dict[Path, _Candidate] = {}
    seen: NDArray[np.uint8] | None = None
    loaded: dict[tuple[str, ...], NDArray[np.uint8]] = {}
    for path in paths:
        rows[path] = Row(file=str(path), size_bytes=path.stat().st_size if path.is_file() else 0)
        try:
            candidate = _open(path, rows[path], settings)
            if index is not None and candidate.card.input_level == "picture":
                seen = _judge(candidate, index, settings, loaded, stage)
            if settings.whole:
                fresh = measure_fresh(path, settings.clip, settings.threads, settings.engine)
                candidate.row = replace(candidate.row, fresh=fresh)
        except GtzanetError as error:
            rows[path] = replace(rows[path], status=str(error))
            continue
        ready[path] = candidate
    names = {str(path): candidate for path, candidate in ready.items()}
    pictures = sounds.some_pictures(seen)
    tasks = {name: _network_task(candidate, pictures, settings.clip) for name, candidate in names.items()}
    network = _timed("network latency, per cent", tasks, settings.plan, stage)
    told: dict[str, list[Prediction]] = {name: [] for name in names}
    files = _file_tasks(names, settings.clip, told) if settings.whole else {}
    whole = _timed("file to label, per cent", files, settings.plan, stage) if files else {}
    for path, candidate in ready.items():
        twin = _float32_twin(candidate, names)
        row = replace(_compared(candidate, twin), stages=_stages(told[str(path)]))
        rows[path] = _with_latency(row, str(path), twin.row.file if twin else None, network, whole)
    return [rows[path] for path in paths]


def _open(path: Path, row: Row, settings: Settings) -> _Candidate:
    with captured_stderr():  # engines announce their delegates there
        classifier = Classifier.load(path, engine=settings.engine, threads=settings.threads)
    card = classifier.card
    known = replace(
        row,
        model=card.model,
        precision=card.precision,
        run_digest=card.run_digest,
        synthetic=card.dataset.synthetic,
        engine=classifier.engine.name,
    )
    return _Candidate(known, classifier)


def _judge(
    candidate: _Candidate,
    index: Index,
    settings: Settings,
    loaded: dict[tuple[str, ...], NDArray[np.uint8]],
    stage: Stage,
) -> NDArray[np.uint8]:
    """Measure a model's accuracy and return the pictures it was measured on."""
    part = find_part(candidate.card, index, settings.part, settings.split)
    key = tuple(item.name for item in part.items)
    if key not in loaded:
        with stage(f"reading {len(key)} {index.kind}") as report:
            loaded[key] = load_pictures(index, part.items, settings.cache, report)
    pictures = loaded[key]
    with stage(f"accuracy of {Path(candidate.row.file).name}") as report:
        scores = correctness.predict(candidate.classifier.engine, pictures, report)
    candidate.predicted = scores.argmax(axis=1)
    candidate.truth = part.truth(candidate.card.labels)
    measured = correctness.score(candidate.predicted, candidate.truth)
    candidate.row = replace(
        candidate.row,
        judged_on=f"{part.split}/{part.name}",
        accuracy=measured,
        detail=correctness.detail(scores, candidate.truth, candidate.card),
        status=_remark(candidate.card, part, measured),
    )
    return pictures


def _remark(card: Card, part: Part, measured: Accuracy) -> str:
    """Return "ok", or what makes the accuracy doubtful."""
    said = card.accuracy
    if part.seen:
        return f"{part.seen} of {measured.n} were in its training part"
    if part.seen is None:
        return "its training part is not known here"
    if (part.split, part.name, measured.n) == (card.split.name, said.part, said.n) and measured.correct != said.correct:
        return f"its card says {said.correct}/{said.n}"
    return "ok"


def _network_task(candidate: _Candidate, pictures: NDArray[np.float32], clip: Path) -> Task:
    """Return what runs a model on one picture, another one every time; one that takes sound hears the clip."""
    run, card = candidate.classifier.engine.run, candidate.card
    if card.input_level == "picture":
        return lambda number: run(pictures[number % len(pictures)][np.newaxis])
    sound = model_input(split_windows(load(clip, card.front_end.sample_rate), card.front_end)[0], card)
    return lambda number: run(sound[np.newaxis])


def _file_tasks(
    candidates: Mapping[str, _Candidate], clip: Path, told: Mapping[str, list[Prediction]]
) -> dict[str, Task]:
    """Return a task a model that classifies a sound file, and puts what comes out into `told`."""

    def task(name: str, candidate: _Candidate) -> Task:
        return lambda _: told[name].append(candidate.classifier.classify(clip))

    return {name: task(name, candidate) for name, candidate in candidates.items()}


def _stages(predictions: Sequence[Prediction]) -> dict[str, float] | None:
    """Return the mean milliseconds of every stage; None where nothing was classified from file to label."""
    if not predictions:
        return None
    stages = predictions[0].timings_ms
    return {name: float(np.mean([one.timings_ms[name] for one in predictions])) for name in stages}


def _timed(name: str, tasks: Mapping[str, Task], plan: Plan, stage: Stage) -> dict[str, Rounds]:
    with stage(name) as report:
        return latency.measure(tasks, plan, progress=lambda share: report(round(100 * share), 100))


def _float32_twin(candidate: _Candidate, candidates: Mapping[str, _Candidate]) -> _Candidate | None:
    """Return the float32 model of the same training run, in the same format where there is one, or None."""
    twins = [
        other
        for other in candidates.values()
        if other.row.precision == "float32"
        and other.row.run_digest == candidate.row.run_digest
        and other.card.input_level == candidate.card.input_level
    ]
    suffix = Path(candidate.row.file).suffix
    return max(twins, key=lambda other: Path(other.row.file).suffix == suffix, default=None)


def _compared(candidate: _Candidate, twin: _Candidate | None) -> Row:
    if (
        twin is None
        or twin is candidate
        or candidate.predicted is None
        or twin.predicted is None
        or candidate.truth is None
    ):
        return candidate.row
    return replace(
        candidate.row, against_float32=correctness.compare(candidate.predicted, twin.predicted, candidate.truth)
    )


def _with_latency(
    row: Row, name: str, twin: str | None, network: Mapping[str, Rounds], whole: Mapping[str, Rounds]
) -> Row:
    return replace(
        row,
        network=latency.summarise(network[name]),
        network_ratio=latency.ratio(network[name], network[twin]) if twin else None,
        file_to_label=latency.summarise(whole[name]) if whole else None,
        file_ratio=latency.ratio(whole[name], whole[twin]) if whole and twin else None,
    )
