"""The mutation run: its sample is seeded, its outcomes are kept and go on, its table adds up."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

pytest.importorskip("cosmic_ray", reason="the extra mutants is not installed")

from tests.mutants import run, sampling
from tests.mutants.run import KILLED, SURVIVED, Outcome, Session, report, stages_of
from tests.mutants.sampling import Mutant, change, mutants, sample

SOURCE = "def half(value: int | None) -> int | None:\n    return value // 2 if value else None\n"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the path of a module in a root of its own."""
    (tmp_path / "half.py").write_text(SOURCE)
    for part in (run, sampling):
        monkeypatch.setattr(part, "ROOT", tmp_path)
    return "half.py"


def test_a_larger_sample_begins_with_a_smaller_one() -> None:
    few, many = sample("train", 0, 3), sample("train", 0, 6)
    assert many[:3] == few and len(set(many)) == 6
    assert sample("train", 1, 3) != few


def test_mutants_are_where_something_is_evaluated(module: str) -> None:
    changes = {change(SOURCE, one.source(SOURCE)) for place in mutants(module) for one in place}
    old = "return value // 2 if value else None"
    assert {
        f"{old} -> {new}" for new in ("return value // 3 if value else None", "return value * 2 if value else None")
    } <= changes
    assert all(text.startswith(f"{old} -> return") for text in changes), "annotations are not evaluated"


def test_the_nearest_tests_come_first() -> None:
    assert stages_of("benchmarks/report/table.py")[0] == ("not slow", ("tests/benchmarks/report/test_table.py",))
    assert stages_of("benchmarks/measure/pairs.py") == [
        ("not slow", ("tests/benchmarks/studies/test_compare.py",)),
        ("not slow", ("tests/benchmarks/measure",)),
    ]


def test_what_was_killed_is_not_tested_again_while_its_module_stays(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, three = (place[0] for place in mutants(module)[:3])
    text = {mutant: change(SOURCE, mutant.source(SOURCE)) for mutant in (one, two, three)}
    outcomes = [Outcome(mutant, text[mutant], outcome, 1.0) for mutant, outcome in ((one, KILLED), (two, SURVIVED))]
    file = tmp_path / "outcomes"
    file.write_text("".join(json.dumps(asdict(outcome)) + "\n" for outcome in outcomes))
    session = Session(file, 0, 0.0)
    assert [session.is_settled(mutant) for mutant in (one, two, three)] == [True, False, False]
    equivalent = tmp_path / "equivalent.json"
    equivalent.write_text(json.dumps({f"{module}: {text[two]}": "a reason"}))
    monkeypatch.setattr(run, "EQUIVALENT", equivalent)
    assert session.is_settled(two)
    (tmp_path / module).write_text(SOURCE.replace("value", "number"))
    assert not session.is_settled(one)


def test_the_table_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "equivalent.json").write_text(json.dumps({"train/a.py: x -> y": "a reason"}))
    monkeypatch.setattr(run, "EQUIVALENT", tmp_path / "equivalent.json")
    names = (("a", "v -> w", KILLED), ("a", "x -> y", SURVIVED), ("b", "a -> b", SURVIVED), ("b", "c -> d", KILLED))
    outcomes = [Outcome(Mutant(f"train/{n}.py", "", at), c, o, 1.0) for at, (n, c, o) in enumerate(names)]
    first = [*outcomes[:3], replace(outcomes[3], outcome=SURVIVED)]
    text = report(outcomes, first, 0, 9)
    assert text.startswith("# Mutants\n\n4 of 9 sampled mutants")
    for line in (
        "| train/a.py | 2 | 1 | 1 | 0 | 100% |",
        "| train/b.py | 2 | 1 | 0 | 1 | 50% |",
        "| **train** | 4 | 2 | 1 | 1 | 67% |",
        "| train/a.py | `x -> y` | a reason |",
        "| train/b.py | `a -> b` | not equivalent |",
        "| train/b.py | `c -> d` | not equivalent |",
        "1 of 4 killed at first",
    ):
        assert line in text
