"""Two results beside each other: what differs is found, what is noise is not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import cli
from benchmarks.measure.accuracy import Accuracy, detail
from benchmarks.measure.fresh_process import FreshProcess
from benchmarks.measure.pairs import common_clips, compare_rows, match
from benchmarks.measure.row import Row
from benchmarks.report.results import FORMAT_VERSION, read_result
from tests.cards import example_card
from toolkit.dataclass_json import from_json
from toolkit.measure.latency import Latency, Ratio, TimingPlan, measure, summarise
from toolkit.measure.metrics import wilson_interval

LABELS = ("high", "low")
N = 40


def latency(p50: float, spread: float = 0.01) -> Latency:
    return Latency(100, 1.0, p50, p50, p50, p50, (p50, p50), (None, None), (None, None), spread, (p50,) * 101)


def row(name: str = "a/m.tflite", wrong: int = 4, labels: tuple[str, str] = LABELS, **changes: Any) -> Row:
    """Return the row of a model that is wrong on the first samples."""
    truth = np.zeros(N, np.int64)
    scores = np.tile(np.array([[0.8, 0.2]], np.float32), (N, 1))
    scores[:wrong] = [0.2, 0.8]
    right = N - wrong
    whole = Row(
        file=name,
        size_bytes=100_000,
        judged_on="paper/validation",
        accuracy=Accuracy(N, right, right / N, wilson_interval(right, N)),
        detail=detail(scores, truth, example_card(labels=labels)),
        network=latency(10.0),
        network_ratio=Ratio(1.0, 1.0, 1.0),
        file_to_label=latency(20.0),
        fresh=FreshProcess(80_000_000, 0.5, 0.2, 0.1),
    )
    return replace(whole, **changes)


def write(path: Path, *rows: Row, **changes: Any) -> Path:
    value = {
        "format_version": FORMAT_VERSION,
        "rows": [asdict(one) for one in rows],
        "machine": {"processor": "one", "load": "0.1"},
        "conditions": {"doubts": []},
        "clip": "a.wav",
    }
    path.write_text(json.dumps(value | changes))
    return path


def test_a_row_is_the_same_after_json() -> None:
    assert from_json(Row, json.loads(json.dumps(asdict(row())))) == row()
    bare = Row(file="x", size_bytes=0, status="no model")
    assert from_json(Row, json.loads(json.dumps(asdict(bare)))) == bare


def test_equal_results_do_not_differ() -> None:
    pair = compare_rows(row(), row(), 0.05)
    assert pair.worse == pair.better == () and pair.p == 1 and pair.paired
    assert pair.network is not None and pair.network.low < 1 < pair.network.high


@pytest.mark.parametrize(
    ("changes", "regression"),
    [
        ({"network": latency(12.0)}, "network"),
        ({"file_to_label": latency(30.0)}, "file to label"),
        ({"size_bytes": 120_000}, "size"),
        ({"fresh": FreshProcess(90_000_000, 0.5, 0.2, 0.1)}, "peak memory"),
        ({"wrong": 20}, "accuracy"),
        ({"network": None, "file_to_label": None, "status": "it broke"}, "not measured: it broke"),
    ],
)
def test_each_regression_is_named_and_the_way_back_is_better(changes: dict[str, Any], regression: str) -> None:
    there, back = compare_rows(row(), row(**changes), 0.05), compare_rows(row(**changes), row(), 0.05)
    assert (there.worse, there.better) == ((regression,), ())
    assert back.worse == () and len(back.better) == 1


@pytest.mark.parametrize(
    "changes",
    [{"network": latency(12.0, spread=0.3)}, {"wrong": 6}, {"size_bytes": 104_000}, {"status": "its card says 3/4"}],
)
def test_noise_is_no_regression(changes: dict[str, Any]) -> None:
    assert compare_rows(row(), row(**changes), 0.05).worse == ()


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"network": None}, "network"),
        ({"file_to_label": None}, "file to label"),
        ({"fresh": None}, "peak memory"),
        ({"accuracy": None, "detail": None}, "accuracy"),
    ],
)
@pytest.mark.parametrize("lacking", [(0,), (1,), (0, 1)], ids=["before", "after", "both"])
def test_what_was_not_measured_is_neither_equal_nor_lost_from_sight(
    changes: dict[str, Any], missing: str, lacking: tuple[int, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [row(**(changes if side in lacking else {})) for side in (0, 1)]
    files = [str(write(tmp_path / f"{side}.json", one)) for side, one in enumerate(rows)]
    assert cli.entry(["compare", *files, "--json", str(tmp_path / "o.json")]) == 0
    assert capsys.readouterr().out.splitlines()[2].endswith(f"; not compared: {missing}")
    (pair,) = json.loads((tmp_path / "o.json").read_text())["pairs"]
    assert pair["missing"] == [missing]
    assert all(missing not in pair[verdict] for verdict in ("worse", "better", "unsure"))


def test_other_samples_are_compared_without_pairs() -> None:
    pair = compare_rows(row(), row(judged_on="paper/test", wrong=30), 0.05)
    assert not pair.paired and pair.worse == ("accuracy",)


def judged(clips: Sequence[object], wrong: int = 4, dataset: str = "one", **changes: Any) -> Row:
    """Return the row of a model that is wrong on the first of these clips, as they are recorded."""
    whole = row(wrong=wrong, judged_on="stratified/validation", dataset_digest=dataset, split_digest="s", **changes)
    assert whole.detail
    return replace(whole, detail=replace(whole.detail, clips=tuple(map(str, clips))))


def test_clips_are_paired_by_their_digests_whatever_their_order() -> None:
    one, other = judged(range(N)), judged([*reversed(range(N))])
    pair = compare_rows(one, other, 0.05)
    assert pair.common == N and pair.p == 1, "4 wrong here and 4 others wrong there"
    assert common_clips(one, other)[0] == (0, N - 1)
    assert compare_rows(one, judged(range(N), wrong=16), 0.05).p == pytest.approx(2 / 2**12)


def test_clips_in_common_are_paired_and_the_accuracies_are_theirs() -> None:
    pair = compare_rows(judged(range(N)), judged(range(2, N + 2), wrong=12, dataset="two"), 0.05)
    assert pair.paired and pair.common == N - 2
    assert pair.accuracy == ((N - 4) / (N - 2), (N - 14) / (N - 2)), "of clips 2 to 39"
    twice = judged([0, 0, *range(1, N - 1)])
    assert compare_rows(twice, twice, 0.05).common == N, "a file may be there twice"


@pytest.mark.parametrize(
    ("other", "note", "common"),
    [
        (judged(range(N)), None, N),
        (judged(range(N, 2 * N)), "judged on different clips (40 and 40, none in common)", 0),
        (judged(range(10, N + 10)), "compared on the 30 clips in common, of 40 and 40", 30),
        (judged([], run_digest="r2"), "whether they, and the dataset, are the same cannot be known", 0),
        (judged([], run_digest="r1"), "they count as the same, as the run or the split is", N),
    ],
)
def test_which_clips_are_compared_is_reported(other: Row, note: str | None, common: int, tmp_path: Path) -> None:
    one, two = write(tmp_path / "a.json", judged(range(N), run_digest="r1")), write(tmp_path / "b.json", other)
    output = tmp_path / "o.json"
    assert cli.entry(["compare", str(one), str(two), "--json", str(output)]) == 0
    value = json.loads(output.read_text())
    assert value["pairs"][0]["common"] == common
    notes = [text for text in value["notes"] if text.startswith("m.tflite: ")]
    assert notes == [] if note is None else note in notes[0]


@pytest.mark.parametrize(
    "other",
    [
        judged(range(N, 2 * N), wrong=30, dataset="two"),
        judged(range(N), wrong=30, synthetic=True),
        row(wrong=30, judged_on="x/validation", labels=("dog", "cat")),
    ],
)
def test_different_datasets_are_refused(other: Row, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = write(tmp_path / "a.json", judged(range(N))), write(tmp_path / "b.json", other)
    words = ["compare", str(one), str(two), "--json", str(tmp_path / "o.json")]
    assert cli.entry(words) == 2
    error = capsys.readouterr().err
    assert "judged on different datasets" in error and "--other-data" in error and len(error.splitlines()) == 1
    assert not (tmp_path / "o.json").exists()
    assert cli.entry([*words, "--other-data", "--fail-if-worse"]) == 0
    assert "so that no accuracy is called worse or better" in capsys.readouterr().out
    (pair,) = json.loads((tmp_path / "o.json").read_text())["pairs"]
    assert pair["unsure"] == ["accuracy"] and pair["worse"] == [] and pair["p"] < 0.05


def version_1(path: Path, run: str, labels: Sequence[str] = LABELS, split: str = "stratified") -> Path:
    """Write a result as version 1 did, without digests."""
    value = json.loads(write(path, row(judged_on=f"{split}/validation", run_digest=run)).read_text())
    (only,) = value["rows"]
    del only["dataset_digest"], only["split_digest"], only["detail"]["clips"]
    only["detail"]["labels"] = list(labels)
    path.write_text(json.dumps(value | {"format_version": 1}))
    return path


@pytest.mark.parametrize(
    ("other", "code", "common"),
    [
        ({"run": "r1"}, 0, N),
        ({"run": "r2"}, 0, 0),
        ({"run": "r2", "labels": ("low", "high")}, 0, 0),
        ({"run": "r2", "labels": ("dog", "cat")}, 2, None),
    ],
)
def test_results_of_version_1_are_paired_only_where_their_run_decides_the_clips(
    other: dict[str, Any], code: int, common: int | None, tmp_path: Path
) -> None:
    one, two = version_1(tmp_path / "a.json", "r1"), version_1(tmp_path / "b.json", **other)
    output = tmp_path / "o.json"
    assert cli.entry(["compare", str(one), str(two), "--json", str(output)]) == code
    assert common is None or json.loads(output.read_text())["pairs"][0]["common"] == common


def test_a_published_split_decides_the_clips_of_version_1(tmp_path: Path) -> None:
    one, two = (version_1(tmp_path / f"{run}.json", run, split="paper") for run in ("a", "b"))
    assert compare_rows(read_result(one).rows[0], read_result(two).rows[0], 0.05).common == N


class Clock:
    """A clock that work moves on, by times with a known median."""

    def __init__(self, rng: np.random.Generator, median: float) -> None:
        self.seconds, self._rng, self._median = 0.0, rng, median

    def now(self) -> float:
        return self.seconds

    def work(self, number: int) -> None:
        self.seconds += self._median * float(self._rng.lognormal(0, 0.2))


def test_the_interval_holds_the_true_quotient() -> None:
    """Two machines that differ by a known factor, measured with noise: it lies inside in nearly all trials."""
    rng, inside = np.random.default_rng(0), 0
    plan = TimingPlan(min_seconds=0, min_count=200, warmup=0, burst_seconds=0, burst_count=5)
    for _ in range(60):
        rows = [
            row(network=summarise(measure({"a": clock.work}, plan, clock=clock.now)["a"]))
            for clock in (Clock(rng, 1e-3), Clock(rng, 1.3e-3))
        ]
        ratio = compare_rows(rows[0], rows[1], 0.05).network
        assert ratio is not None
        inside += ratio.low <= 1.3 <= ratio.high
    assert inside >= 54


def test_files_match_by_path_then_by_name_and_always_by_threads() -> None:
    assert match([row("a/m.tflite")], [row("b/m.tflite")]) != []
    assert match([row("a/m.tflite")], [row("b/m.tflite", threads=2)]) == []
    assert match([row("a/m.tflite"), row("b/m.tflite")], [row("c/m.tflite")]) == []
    both = [row("a/m.tflite"), row("b/m.tflite")]
    assert match(both, list(reversed(both))) == [(both[1], both[1]), (both[0], both[0])]


def test_the_command_flags_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = write(tmp_path / "a.json", row(), row("gone.tflite"))
    slower = write(tmp_path / "b.json", row(network=latency(15.0)), machine={"processor": "two"}, clip="b.wav")
    outputs = ["--json", str(tmp_path / "o.json"), "--markdown", str(tmp_path / "o.md")]
    assert cli.entry(["compare", str(first), str(slower), *outputs]) == 0
    shown = capsys.readouterr().out
    assert "WORSE: network" in shown and "1.50 [1." in shown and "10.0 > 15.0" in shown
    assert "processor one > two" in shown and "gone.tflite" in shown and "a.wav > b.wav" in shown
    assert json.loads((tmp_path / "o.json").read_text())["pairs"][0]["worse"] == ["network"]
    assert "| m.tflite |" in (tmp_path / "o.md").read_text()
    assert cli.entry(["compare", str(first), str(slower), "--fail-if-worse"]) == 1
    assert cli.entry(["compare", str(first), str(slower), "--fail-if-worse", "--tolerance", "0.6"]) == 0
    assert cli.entry(["compare", str(slower), str(first), "--fail-if-worse"]) == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("{", "no JSON"),
        ("[]", "not a benchmark of model files"),
        ("{}", "not a benchmark of model files"),
        ('{"format_version": 1, "rows": [{}], "machine": {}}', "not a benchmark of model files"),
        ('{"format_version": 99}', "is of format 99, this program reads 1 and 2"),
    ],
)
def test_what_is_no_result_is_misuse(
    content: str | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = write(tmp_path / "a.json", row()), tmp_path / "b.json"
    if content is not None:
        bad.write_text(content)
    assert cli.entry(["compare", str(good), str(bad)]) == 2
    error = capsys.readouterr().err
    assert str(bad) in error and message in error and len(error.splitlines()) == 1


def test_nothing_in_common_and_no_tolerance_are_misuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = write(tmp_path / "a.json", row()), write(tmp_path / "b.json", row("x.onnx"))
    assert cli.entry(["compare", str(one), str(other)]) == 2
    assert "no model in common" in capsys.readouterr().err
    assert cli.entry(["compare", str(one), str(one), "--tolerance", "nan"]) == 2
    assert "--tolerance" in capsys.readouterr().err


DAMAGE: tuple[Any, ...] = (
    "9.0",
    None,
    [],
    {},
    0,
    -9.0,
    10**400,
    float("nan"),
    float("inf"),
    True,
    [1],
    "\n\x1b[31m",
    "\ud800",
    {"a": 1},
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return where there is something in a JSON value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    return [path, *(place for key, item in inside for place in places(item, (*path, key)))]


KINDS = ((int, float), (str,), (list, dict, type(None)))


def codes(damage: Any, value: Any) -> set[int]:
    """Return the exit codes that are right where `damage` stands in the place of a value: only its kind is let in."""
    if damage is True or (isinstance(damage, int | float) and not abs(damage) < 1e9):
        return {2}
    kinds: tuple[type, ...] = next(kinds for kinds in KINDS if isinstance(damage, kinds))
    return {0, 2} if isinstance(value, (*kinds, type(None))) or damage is None else {2}


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda value: ascii(value)[:12])
def test_any_damaged_value_is_refused_in_one_sentence_or_compared(
    damage: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = write(tmp_path / "a.json", row()), tmp_path / "b.json"
    whole = json.loads(good.read_text())
    for *way, last in places(whole)[1:]:
        value = json.loads(good.read_text())
        inner = value
        for key in way:
            inner = inner[key]
        before, inner[last] = inner[last], damage
        bad.write_text(json.dumps(value))
        code = cli.entry(["compare", str(good), str(bad), "--json", str(tmp_path / "c.json")])
        printed, errors = capsys.readouterr()
        assert code in codes(damage, before), (way, last)
        assert "\x1b" not in printed + errors
        assert len(errors.splitlines()) == (0 if code == 0 else 1)
        assert "nan" not in printed and "inf" not in printed


@pytest.mark.parametrize(
    "changes", [{"n": 41}, {"n": 0}, {"correct": 41}, {"correct": -1}], ids=lambda value: str(value)
)
def test_counts_that_do_not_fit_are_refused(
    changes: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accuracy = row().accuracy
    assert accuracy
    bad = write(tmp_path / "b.json", row(judged_on="paper/test", accuracy=replace(accuracy, **changes)))
    assert cli.entry(["compare", str(write(tmp_path / "a.json", row())), str(bad)]) == 2
    assert "rows[0]." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "words", "code"),
    [
        ({}, "WORSE: network, file to label", 1),
        ({"clip": "b.wav"}, "WORSE: network; unsure: file to label", 1),
        ({"conditions": {"doubts": ["other programs used 65 %"]}}, "unsure: network, file to label", 0),
    ],
)
def test_times_of_other_sounds_or_a_disturbed_machine_are_not_judged(
    changes: dict[str, Any], words: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = write(tmp_path / "a.json", row())
    slow = row(network=latency(15.0), file_to_label=latency(30.0))
    other = write(tmp_path / "b.json", slow, **changes)
    assert cli.entry(["compare", str(one), str(other), "--fail-if-worse"]) == code
    assert capsys.readouterr().out.splitlines()[2].endswith(words)


def test_files_of_one_name_keep_their_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = write(tmp_path / "a.json", row("a/m.tflite"), row("b/m.tflite"), row("c/n.tflite"))
    assert cli.entry(["compare", str(one), str(one)]) == 0
    lines = capsys.readouterr().out.splitlines()[2:5]
    assert [line.split()[0] for line in lines] == ["a/m.tflite", "b/m.tflite", "n.tflite"]


def test_the_machines_load_is_no_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = write(tmp_path / "a.json", row())
    other = write(tmp_path / "b.json", row(), machine={"processor": "one", "load": "3"})
    assert read_result(one).machine != read_result(other).machine
    assert cli.entry(["compare", str(one), str(other)]) == 0
    assert "nothing that is recorded" in capsys.readouterr().out
