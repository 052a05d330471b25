"""The results table: the paper's numbers, ours, and the tests between them, on made-up runs with known counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toolkit.errors import RunError
from toolkit.files import write_json
from train.measure import measure
from train.report import group_runs, results_report
from train.results import Result, load_results, to_json

CLASSES = ("blues", *(f"class-{number}" for number in range(1, 10)))


def part(correct: int, n: int = 199) -> dict[str, Any]:
    labels = np.arange(n) % 10
    scores = np.full((n, 10), 0.01)
    scores[np.arange(n), np.where(np.arange(n) < correct, labels, (labels + 1) % 10)] = 0.91
    return measure({"names": [], "labels": labels.tolist(), "probabilities": scores.tolist()}, CLASSES)


def result(model: str, seed: int, correct: int, split: str = "paper") -> Result:
    config = {
        "model": model,
        "seed": seed,
        "split": {"name": split},
        "compute": {"precision": "float32"},
        "digest": "f" * 64,
    }
    metrics = {"validation": part(correct), "test": None, "epochs": 90, "final": {"loss": 0.5}}
    return Result(f"{model}-{seed}", config, metrics, [])


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


@pytest.mark.parametrize("content", ["", "[]", '{"format": 2}', '{"format": 1, "runs": [{"colour": 1}]}'])
def test_a_strange_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "strange.json"
    path.write_text(content)
    with pytest.raises(RunError, match=r"strange\.json"):
        load_results([path])
