"""The whole measurement: every model's accuracy, size, memory and latency, each model against its float32 twin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import accuracy as correctness
from benchmarks.measure import clips
from benchmarks.measure.fresh_process import FreshProcess, measure_fresh
from benchmarks.measure.journal import Journal
from benchmarks.measure.judging import Pictures, judge
from benchmarks.measure.peers import RunningPeer
from benchmarks.measure.row import Row, row_name
from benchmarks.measure.settings import Settings, Stage, silent
from runtime.classifier import Classifier
from runtime.preprocess import model_input
from toolkit.artifact.card import Card
from toolkit.audio.decode import load
from toolkit.data.dataset import Index
from toolkit.errors import GtzanetError
from toolkit.frontend.windows import split_windows
from toolkit.measure import latency
from toolkit.measure.latency import Rounds, Task, TimingPlan
from toolkit.native_stderr import captured_stderr

Timings = Mapping[str, float]
"""Milliseconds of every stage of a prediction."""


@dataclass
class _Candidate:
    """A model on its way through the stages."""

    row: Row
    classifier: Classifier
    stage_times: list[Timings] = field(default_factory=list)

    @property
    def card(self) -> Card:
        return self.classifier.card


def measure_models(
    paths: Sequence[Path],
    index: Index | None,
    settings: Settings,
    stage: Stage = silent,
    journal: Journal | None = None,
    peers: Sequence[RunningPeer] = (),
) -> list[Row]:
    """Measure model files and return a row for each and each number of threads, in their order; peers come last.

    A model that cannot be opened or run does not stop the others: its row's status says why. One that takes sound has
    no accuracy of its own: it holds the network of a file that takes pictures.

    Parameters
    ----------
    index
        The dataset, or None to measure everything but accuracy, on made-up sounds.
    journal
        Where to keep what is measured, and what was measured before.
    peers
        Programs of others, timed in the same rounds.
    """
    journal = journal or Journal()
    pictures = Pictures(index, settings, stage)
    rows, ready = _opened(paths, settings, index is not None, pictures, journal)
    network = _network_rounds(ready, peers, clips.some_pictures(pictures.last), settings, stage, journal)
    whole = _file_rounds(ready, peers, settings, stage, journal) if settings.whole else {}
    for name, candidate in ready.items():
        twin = _float32_twin(candidate, ready)
        row = replace(_compared(candidate, twin), stages=_stages(candidate.stage_times))
        rows[name] = _with_latency(row, twin.row.name if twin else None, network, whole)
    return [*rows.values(), *(_with_latency(peer.row(), peer.beside, network, whole) for peer in peers)]


def _opened(
    paths: Sequence[Path], settings: Settings, judged: bool, pictures: Pictures, journal: Journal
) -> tuple[dict[str, Row], dict[str, _Candidate]]:
    """Return every file's row, and those files that can be timed, both by the rows' names.

    What is measured here needs no turns: accuracy, where models are `judged`, and a fresh process.
    """
    rows: dict[str, Row] = {}
    ready: dict[str, _Candidate] = {}
    for path in paths:
        for threads in settings.threads:
            row = _named(path, threads, settings)
            try:
                candidate = _open(path, row, settings)
                if judged and candidate.card.input_level == "picture":
                    candidate.row = judge(candidate.row, candidate.classifier.engine, pictures, journal)
                if settings.whole:
                    candidate.row = replace(candidate.row, fresh=_fresh(candidate.row, settings, journal))
            except GtzanetError as error:
                rows[row.name] = replace(row, status=str(error))
                continue
            rows[row.name], ready[row.name] = candidate.row, candidate
    return rows, ready


def _network_rounds(
    ready: Mapping[str, _Candidate],
    peers: Sequence[RunningPeer],
    shown: NDArray[np.float32],
    settings: Settings,
    stage: Stage,
    journal: Journal,
) -> dict[str, Rounds]:
    """Time the networks alone, on the pictures `shown`."""
    tasks = {name: _network_task(candidate, shown, settings.clip) for name, candidate in ready.items()}
    tasks |= {peer.name: peer.network for peer in peers}
    return _timed("network latency", tasks, settings.plan, stage, journal)


def _file_rounds(
    ready: Mapping[str, _Candidate], peers: Sequence[RunningPeer], settings: Settings, stage: Stage, journal: Journal
) -> dict[str, Rounds]:
    """Time everything from the clip's file to its label."""
    tasks = {name: _file_task(candidate, settings.clip) for name, candidate in ready.items()}
    tasks |= {peer.name: peer.file for peer in peers}
    return _timed("file to label", tasks, settings.plan, stage, journal, ready)


def _named(path: Path, threads: int, settings: Settings) -> Row:
    """Return the row of a file of which nothing is known yet."""
    size = path.stat().st_size if path.is_file() else 0
    name = row_name(path, threads, len(settings.threads) > 1)
    return Row(file=str(path), size_bytes=size, name=name, threads=threads)


def _open(path: Path, row: Row, settings: Settings) -> _Candidate:
    with captured_stderr():  # engines announce their delegates there
        classifier = Classifier.load(path, engine=settings.engine, threads=row.threads)
    card = classifier.card
    described = replace(
        row,
        model=card.model,
        precision=card.precision,
        run_digest=card.run_digest,
        synthetic=card.dataset.synthetic,
        engine=classifier.engine.name,
    )
    return _Candidate(described, classifier)


def _fresh(row: Row, settings: Settings, journal: Journal) -> FreshProcess:
    noted = journal.last("fresh", row.name)
    if noted is not None:
        return FreshProcess(**noted)
    measured = measure_fresh(Path(row.file), settings.clip, row.threads, settings.engine)
    journal.note("fresh", row.name, asdict(measured))
    return measured


def _network_task(candidate: _Candidate, pictures: NDArray[np.float32], clip: Path) -> Task:
    """Return what runs a model on one picture, another one every time; one that takes sound hears the clip."""
    run, card = candidate.classifier.engine.run, candidate.card
    if card.input_level == "picture":
        return lambda number: run(pictures[number % len(pictures)][np.newaxis])
    sound = model_input(split_windows(load(clip, card.front_end.sample_rate), card.front_end)[0], card)
    return lambda number: run(sound[np.newaxis])


def _file_task(candidate: _Candidate, clip: Path) -> Task:
    """Return what classifies a sound file, and keeps how long each stage took."""
    return lambda _: candidate.stage_times.append(candidate.classifier.classify(clip).timings_ms)


def _stages(times: Sequence[Timings]) -> dict[str, float] | None:
    """Return the mean milliseconds of every stage; None where nothing was classified from file to label."""
    return {name: float(np.mean([one[name] for one in times])) for name in times[0]} if times else None


def _timed(
    name: str,
    tasks: Mapping[str, Task],
    plan: TimingPlan,
    stage: Stage,
    journal: Journal,
    candidates: Mapping[str, _Candidate] | None = None,
) -> dict[str, Rounds]:
    """Time tasks in turns, and note every round and the stages' times in it, those of `candidates`."""
    staged = candidates or {}
    before = [past for past in journal.all(name) if past["times"].keys() == tasks.keys()]
    for past in before:
        for key, candidate in staged.items():
            candidate.stage_times += past["told"][key]
    noted = {key: len(candidate.stage_times) for key, candidate in staged.items()}

    def note(times: Mapping[str, Sequence[float]]) -> None:
        stage_times = {key: list(candidate.stage_times[noted[key] :]) for key, candidate in staged.items()}
        noted.update({key: len(candidate.stage_times) for key, candidate in staged.items()})
        journal.note(name, "round", {"times": times, "told": stage_times})

    with stage(f"{name}, per cent") as report:
        return latency.measure(
            tasks,
            plan,
            progress=lambda share: report(round(100 * share), 100),
            begun=[past["times"] for past in before],
            after_round=note,
        )


def _float32_twin(candidate: _Candidate, candidates: Mapping[str, _Candidate]) -> _Candidate | None:
    """Return the float32 model of the same training run, in the same format where there is one, or None."""
    twins = [
        other
        for other in candidates.values()
        if other.row.precision == "float32"
        and other.row.run_digest == candidate.row.run_digest
        and other.row.threads == candidate.row.threads
        and other.card.input_level == candidate.card.input_level
    ]
    suffix = Path(candidate.row.file).suffix
    return max(twins, key=lambda other: Path(other.row.file).suffix == suffix, default=None)


def _compared(candidate: _Candidate, twin: _Candidate | None) -> Row:
    mine, theirs = candidate.row.detail, twin.row.detail if twin else None
    if twin is None or twin.row.file == candidate.row.file or mine is None or theirs is None:
        return candidate.row
    paired = correctness.paired_difference(np.array(mine.predicted), np.array(theirs.predicted), np.array(mine.truth))
    return replace(candidate.row, against_float32=paired)


def _with_latency(row: Row, beside: str | None, network: Mapping[str, Rounds], whole: Mapping[str, Rounds]) -> Row:
    """Return a row with its times, and their ratios to those of the row that is named `beside`."""
    return replace(
        row,
        network=latency.summarise(network[row.name]),
        network_ratio=latency.ratio(network[row.name], network[beside]) if beside else None,
        file_to_label=latency.summarise(whole[row.name]) if whole else None,
        file_ratio=latency.ratio(whole[row.name], whole[beside]) if whole and beside else None,
    )
