"""The whole measurement: every model's accuracy, size, memory and latency, each model against its float32 twin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import clips
from benchmarks.measure.accuracy import paired_difference
from benchmarks.measure.evaluation import Judge, Stage
from benchmarks.measure.fresh_process import FreshProcess, measure_fresh
from benchmarks.measure.journal import Journal
from benchmarks.measure.peers import RunningPeer
from benchmarks.measure.row import Row, row_name
from runtime.classifier import Classifier
from runtime.engines.pair import find_backbone
from runtime.preprocess import model_input
from toolkit.artifact.card import EMBEDDING
from toolkit.artifact.file import read_card
from toolkit.audio.decode import load
from toolkit.data.dataset import Index
from toolkit.errors import ArtifactError, GtzanetError
from toolkit.frontend.windows import split_windows
from toolkit.measure import latency
from toolkit.measure.latency import Rounds, Task, TimingPlan
from toolkit.native_stderr import captured_stderr


@dataclass(frozen=True)
class Settings:
    """What to measure and how; `clip` is the audio file that is classified from file to label.

    Every file is measured with each of `threads`. Without `whole` nothing is classified from file to label, and no
    process is started for that: the network alone is timed.
    """

    clip: Path
    threads: tuple[int, ...]
    part: str = "validation"
    split: str | None = None
    plan: TimingPlan = field(default_factory=TimingPlan)
    engine: str | None = None
    cache: Path | None = None
    whole: bool = True


@dataclass
class _Candidate:
    """A model that can be timed, what its row holds so far, and the milliseconds of every stage of its predictions."""

    row: Row
    classifier: Classifier
    stage_times: list[Mapping[str, float]] = field(default_factory=list)

    @property
    def input_level(self) -> str:
        return self.classifier.card.input_level


def measure_models(
    paths: Sequence[Path],
    index: Index | None,
    settings: Settings,
    stage: Stage,
    journal: Journal | None = None,
    peers: Sequence[RunningPeer] = (),
) -> list[Row]:
    """Measure model files and return a row for each and each number of threads, in their order; peers come last.

    A model that cannot be opened or run does not stop the others: its status is the reason. One whose input is sound
    has no accuracy of its own: it holds the network of a file whose input is pictures. Without a dataset (`index`)
    everything but accuracy is measured, on synthetic clips. `journal` keeps what is measured, and has what was measured
    before; `peers`, programs of others, are timed in the same rounds.
    """
    journal = journal or Journal()
    judge = Judge(index, settings.part, settings.split, settings.cache, stage, journal) if index else None
    rows, ready = _opened(paths, settings, judge, journal)
    pictures = clips.some_pictures(judge.pictures if judge else None)
    tasks = {name: _network_task(candidate, pictures, settings.clip) for name, candidate in ready.items()}
    tasks |= {peer.name: peer.network for peer in peers}
    network = _timed("network latency", tasks, {}, settings, stage, journal)
    whole: dict[str, Rounds] = {}
    if settings.whole:
        tasks = {name: _file_task(candidate, settings.clip) for name, candidate in ready.items()}
        tasks |= {peer.name: peer.file for peer in peers}
        whole = _timed("file to label", tasks, ready, settings, stage, journal)
    for name, candidate in ready.items():
        twin = _float32_twin(candidate, ready)
        rows[name] = _with_latency(_compared(candidate, twin), twin.row.name if twin else None, network, whole)
    return [*rows.values(), *(_with_latency(peer.row(), peer.beside, network, whole) for peer in peers)]


def _opened(
    paths: Sequence[Path], settings: Settings, judge: Judge | None, journal: Journal
) -> tuple[dict[str, Row], dict[str, _Candidate]]:
    """Return every file's row, and those files that can be timed, both by the rows' names.

    What is measured here needs no turns: accuracy, where there is a judge, and a fresh process.
    """
    rows: dict[str, Row] = {}
    ready: dict[str, _Candidate] = {}
    for path in paths:
        for threads in settings.threads:
            name = row_name(path, threads, len(settings.threads) > 1)
            rows[name] = Row(str(path), _size(path), name, threads=threads)
            try:
                candidate = _open(path, rows[name], settings)
                if judge and candidate.input_level == "picture":
                    candidate.row = judge.judged(candidate.row, candidate.classifier.engine)
                if settings.whole:
                    candidate.row = replace(candidate.row, fresh=_fresh(candidate.row, settings, journal))
            except GtzanetError as error:
                rows[name] = replace(rows[name], status=str(error))
            else:
                rows[name], ready[name] = candidate.row, candidate
    return rows, ready


def _size(path: Path) -> int:
    """Return the bytes of a file, with those of its backbone where it is a head; 0 where there is none."""
    if not path.is_file():
        return 0
    size = path.stat().st_size
    with suppress(ArtifactError):
        card = read_card(path)
        if card.input_level == EMBEDDING:
            size += find_backbone(path, card).stat().st_size
    return size


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
    if noted := journal.last("fresh", row.name):
        return FreshProcess(**noted)
    measured = measure_fresh(Path(row.file), settings.clip, row.threads, settings.engine)
    journal.note("fresh", row.name, asdict(measured))
    return measured


def _network_task(candidate: _Candidate, pictures: NDArray[np.float32], clip: Path) -> Task:
    """Return what runs a model on one picture, another one every time; one whose input is sound runs on the clip."""
    run, card = candidate.classifier.engine.run, candidate.classifier.card
    if candidate.input_level == "picture":
        return lambda number: run(pictures[number % len(pictures)][np.newaxis])
    samples = model_input(split_windows(load(clip, card.front_end.sample_rate), card.front_end)[0], card)
    return lambda number: run(samples[np.newaxis])


def _file_task(candidate: _Candidate, clip: Path) -> Task:
    """Return what classifies an audio file, and keeps how long each stage was."""
    return lambda _: candidate.stage_times.append(candidate.classifier.classify(clip).timings_ms)


def _timed(
    name: str,
    tasks: Mapping[str, Task],
    staged: Mapping[str, _Candidate],
    settings: Settings,
    stage: Stage,
    journal: Journal,
) -> dict[str, Rounds]:
    """Time tasks in turns, and note every round with the times of the stages in it, for those that have `staged`."""
    before = [past for past in journal.all(name) if past["times"].keys() == tasks.keys()]
    for past in before:
        for key, candidate in staged.items():
            candidate.stage_times += past["stages"][key]
    noted = {key: len(candidate.stage_times) for key, candidate in staged.items()}

    def note(times: Mapping[str, Sequence[float]]) -> None:
        stages = {key: list(candidate.stage_times[noted[key] :]) for key, candidate in staged.items()}
        noted.update({key: len(candidate.stage_times) for key, candidate in staged.items()})
        journal.note(name, "round", {"times": times, "stages": stages})

    with stage(f"{name}, per cent") as report:
        return latency.measure(
            tasks,
            settings.plan,
            progress=lambda share: report(round(100 * share), 100),
            begun=[past["times"] for past in before],
            after_round=note,
        )


def _float32_twin(candidate: _Candidate, candidates: Mapping[str, _Candidate]) -> _Candidate | None:
    """Return the float32 model of the same training run, in the same format where there is one, or None."""

    def key(one: _Candidate) -> tuple[str, int, str]:
        return one.row.run_digest, one.row.threads, one.input_level

    suffix = Path(candidate.row.file).suffix
    twins = [one for one in candidates.values() if one.row.precision == "float32" and key(one) == key(candidate)]
    return max(twins, key=lambda one: Path(one.row.file).suffix == suffix, default=None)


def _compared(candidate: _Candidate, twin: _Candidate | None) -> Row:
    """Return a row with its mean stage times, and its labels beside those of its twin."""
    times = candidate.stage_times
    stages = {name: float(np.mean([one[name] for one in times])) for name in times[0]} if times else None
    row = replace(candidate.row, stages=stages)
    if twin is None or twin.row.file == row.file or row.detail is None or twin.row.detail is None:
        return row
    predicted, truth = np.array(row.detail.predicted), np.array(row.detail.truth)
    return replace(row, against_float32=paired_difference(predicted, np.array(twin.row.detail.predicted), truth))


def _with_latency(row: Row, beside: str | None, network: Mapping[str, Rounds], whole: Mapping[str, Rounds]) -> Row:
    """Return a row with its times, and their ratios to those of the row that is named `beside`."""
    return replace(
        row,
        network=latency.summarise(network[row.name]),
        network_ratio=latency.ratio(network[row.name], network[beside]) if beside else None,
        file_to_label=latency.summarise(whole[row.name]) if whole else None,
        file_ratio=latency.ratio(whole[row.name], whole[beside]) if whole and beside else None,
    )
