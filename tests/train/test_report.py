"""The results table: the paper's numbers, ours, and the tests between them, on synthetic runs of set counts."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.train.test_config import make_config
from toolkit.dataclass_json import StrictError
from toolkit.errors import RunError
from toolkit.files import read_json, write_json
from train.config import Compute, DataConfig, Recipe, SplitConfig
from train.evaluate import measure
from train.groups import group_runs
from train.report import results_report, run_report
from train.results import Measured, Result, distinct, load_results, to_json

PUBLISHED = Path(__file__).parents[2] / "docs" / "results" / "training.json"

CLASSES = ("blues", *(f"class-{number}" for number in range(1, 10)))


def part(correct: int, n: int = 199) -> dict[str, Any]:
    labels = np.arange(n) % 10
    scores = np.full((n, 10), 0.01)
    scores[np.arange(n), np.where(np.arange(n) < correct, labels, (labels + 1) % 10)] = 0.91
    return measure({"names": [], "labels": labels.tolist(), "probabilities": scores.tolist()}, CLASSES)


def result(model: str, seed: int, correct: int, split: str | SplitConfig = "paper", **changes: Any) -> Result:
    splits = split if isinstance(split, SplitConfig) else SplitConfig(split, 0, 5, 0, "s" * 64)
    config = make_config(model=model, seed=seed, split=splits, **changes)
    entry = {"accuracy": 0.5, "epoch": 1, "learning_rate": 0.1, "val_accuracy": 0.5, "val_loss": 1.0, "seconds": 2.0}
    history = [{**entry, "loss": 0.5, "epoch": number + 1} for number in range(config.recipe.epochs)]
    metrics = {
        "validation": part(correct),
        "test": None,
        "epochs": len(history),
        "final": history[-1],
        "seconds": 180.0,
    }
    return Result(f"{model}-{seed}", json.loads(json.dumps(config.to_dict())), metrics, history)


def run_folder(folder: Path, kept: Result) -> Path:
    """Write what `report` reads of a finished run."""
    folder.mkdir()
    split = {"name": "paper", "seed": None, "train": ["a"], "validation": ["b"], "test": [], "missing": []}
    files = {"config": kept.config, "metrics": kept.metrics, "history": kept.history, "split": split}
    for name, value in files.items():
        write_json(folder / f"{name}.json", value)
    (folder / "model.keras").touch()
    return folder


@pytest.mark.parametrize(
    ("correct", "n", "is_share"), [(0, 1, True), (1, 1, True), (0, 0, False), (2, 1, False), (-1, 1, False)]
)
def test_a_count_of_correct_clips_is_a_share(correct: int, n: int, is_share: bool) -> None:
    with contextlib.nullcontext() if is_share else pytest.raises(StrictError, match=f"{correct} of {n} is no share"):
        Measured(n, correct, 0.0, (0.0, 1.0), (0.0, 1.0), 0.0, 0.0, (), {}, None, None)


def test_measure_counts() -> None:
    measured = part(105)
    assert (measured["correct"], measured["n"]) == (105, 199)
    assert measured["wald95"] == pytest.approx([0.458, 0.597], abs=5e-4)
    assert sum(map(sum, measured["confusion"])) == 199
    assert measured["per_class"]["blues"]["n"] == 20


def test_the_papers_numbers_stand_beside_ours() -> None:
    text = results_report([result("gtzanet", 0, 110), result("gtzanet", 1, 100), result("zfnet", 0, 89)])
    assert "0.5276 (105/199) | 0.458 to 0.597" in text
    assert "0.458 to 0.567" in text
    assert "0.5276 ± 0.0355" in text
    assert "z = 2.11, p = 0.035" in text and "z = 1.60, p = 0.11" in text
    assert "blues" in text and "leaks" in text


def test_seeds_are_gathered_and_ordered() -> None:
    groups = group_runs(
        [
            result("zfnet", 0, 1),
            result("gtzanet", 2, 1),
            result("gtzanet", 0, 1),
            result("gtzanet", 0, 1, "fault-filtered"),
        ]
    )
    assert [(g.split, g.model, [r.config["seed"] for r in g.runs]) for g in groups] == [
        ("fault-filtered", "gtzanet", [0]),
        ("paper", "gtzanet", [0, 2]),
        ("paper", "zfnet", [0]),
    ]


def test_results_survive_their_file(tmp_path: Path) -> None:
    results = [result("gtzanet", 0, 110)]
    write_json(tmp_path / "results.json", to_json(results))
    assert results_report(load_results([tmp_path / "results.json"])) == results_report(results)


def test_the_published_results_give_the_published_table() -> None:
    assert results_report(load_results([PUBLISHED])) == PUBLISHED.with_suffix(".md").read_text()


def test_a_run_given_twice_counts_once(tmp_path: Path) -> None:
    base = run_folder(tmp_path / "base", result("gtzanet", 0, 110))
    write_json(tmp_path / "results.json", to_json([*load_results([base]), result("gtzanet", 1, 100)]))
    loaded = load_results([base, tmp_path / "." / "base", tmp_path / "results.json"])
    assert len(loaded) == 4
    assert [run.config["seed"] for run in distinct(loaded)] == [0, 1]


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"data": DataConfig("/data", "pictures", "d" * 64, 20, True)}, "gtzanet (SYNTHETIC), seed 1, validation"),
        ({"data": DataConfig("/data", "pictures", "e" * 64, 20, False)}, "gtzanet (data eeeeeeee), seed 1"),
        ({"recipe": Recipe(learning_rate=0.02)}, "gtzanet (learning rate 0.02), seed 1"),
        ({"recipe": Recipe(epochs=12)}, "gtzanet (epochs 12), seed 1"),
        ({"compute": Compute("cpu", "mixed_bfloat16", 2, 4)}, "gtzanet (mixed_bfloat16), seed 1"),
    ],
)
def test_runs_that_cannot_be_compared_share_no_mean(change: dict[str, Any], note: str) -> None:
    runs = [result("gtzanet", 0, 110), result("gtzanet", 1, 100, **change)]
    text = results_report(runs)
    assert len(group_runs(runs)) == 2
    assert f"| {note}" in text and "mean ±" not in text
    assert ("The clips are synthetic" in text) == ("SYNTHETIC" in note)


def test_folds_are_told_apart() -> None:
    first, second = (SplitConfig("stratified", 0, 5, fold, str(fold) * 64) for fold in (0, 1))
    text = results_report([result("gtzanet", 0, 110, split=first), result("gtzanet", 0, 100, split=second)])
    assert "fold 0 of 5" in text and "fold 1 of 5" in text and "mean ±" not in text


def test_networks_are_tested_on_the_same_clips_alone() -> None:
    other = DataConfig("/data", "pictures", "e" * 64, 20, False)
    text = results_report([result("gtzanet", 0, 110), result("zfnet", 0, 89, data=other)])
    assert "z test" not in text


@pytest.mark.parametrize("name", ["config", "metrics", "history", "split"])
@pytest.mark.parametrize("content", ["", "[]", "{}", "null", "7", '"text"', "[1]", '{"validation": {"n": 0}}'])
def test_a_damaged_run_folder_names_the_file(tmp_path: Path, name: str, content: str) -> None:
    folder = run_folder(tmp_path / "run", result("gtzanet", 0, 110))
    (folder / f"{name}.json").write_text(content)
    with pytest.raises(RunError, match=rf"{name}\.json: "):
        load_results([folder])


@pytest.mark.parametrize(
    ("name", "keys", "value"),
    [
        ("metrics", ("validation", "n"), "many"),
        ("metrics", ("validation", "n"), 0),
        ("metrics", ("validation", "wilson95"), [1.0]),
        ("metrics", ("test",), []),
        ("metrics", ("final",), {}),
        ("history", (0, "loss"), None),
        ("history", (0,), {}),
        ("config", ("split",), "paper"),
        ("config", ("seed",), 9),
    ],
)
def test_values_of_another_type_name_the_file(tmp_path: Path, name: str, keys: tuple[Any, ...], value: Any) -> None:
    run_folder(tmp_path / "run", result("gtzanet", 0, 110))
    path = tmp_path / "run" / f"{name}.json"
    whole = inner = read_json(path)
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    write_json(path, whole)
    with pytest.raises(RunError, match=rf"{name}\.json: "):
        load_results([tmp_path / "run"])
    results = to_json([result("gtzanet", 0, 110)])
    results["runs"][0][name] = whole
    write_json(tmp_path / "results.json", results)
    with pytest.raises(RunError, match=r"results\.json: "):
        load_results([tmp_path / "results.json"])


@pytest.mark.parametrize(
    "content", ["", "[]", '{"format": 2}', '{"format": 1, "runs": [{"colour": 1}]}', '{"format": 1, "runs": 7}']
)
def test_a_strange_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "strange.json"
    path.write_text(content)
    with pytest.raises(RunError, match=r"strange\.json"):
        load_results([path])


def on_a_gpu(kept: Result) -> Result:
    compute = kept.config["compute"] | {"device": "gpu"}
    return replace(kept, config=kept.config | {"compute": compute, "versions": {"gpu": "NVIDIA Test"}})


def test_runs_on_a_gpu_stand_apart_under_its_name() -> None:
    here = result("gtzanet", 0, 110), result("zfnet", 0, 60)
    there = [on_a_gpu(result("gtzanet", 0, 120)), on_a_gpu(result("zfnet", 0, 70))]
    text = results_report([*here, *there])
    assert "| gtzanet (NVIDIA Test), seed 0, validation | 0.6030 (120/199)" in text
    assert "| gtzanet, seed 0, validation | 0.5528 (110/199)" in text
    lines = [line for line in text.splitlines() if line.startswith("Two-proportion")]
    assert [line.count("NVIDIA Test") for line in lines] == [0, 2]
    assert "| NVIDIA Test | float32 |" in text and "| processor | float32 |" in text


def test_a_kept_best_epoch_is_told() -> None:
    usual, best = result("gtzanet", 0, 110), result("gtzanet", 1, 120, recipe=Recipe(keep="best"))
    assert "none is selected" in results_report([usual])
    text = results_report([usual, best])
    assert "| gtzanet (keep best), seed 1, validation |" in text and "optimistic" in text


@pytest.mark.parametrize("test", [None, 60])
def test_a_run_is_reported_with_and_without_a_test_part(test: int | None) -> None:
    config = make_config(split=SplitConfig("stratified", 0, 5, 0, "s" * 64))
    kept = result("gtzanet", 0, 110)
    metrics = {**kept.metrics, "test": test and part(test, 100)}
    text = run_report(config, metrics, kept.history)
    assert "| validation | 0.5528 (110/199) |" in text and "validation: macro F1" in text
    assert ("| test | 0.6000 (60/100) |" in text) == ("test: macro F1" in text) == (test is not None)
