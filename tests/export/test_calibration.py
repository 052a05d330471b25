"""Which pictures int8 ranges are measured on."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.calibration import Calibration, calibrate, choose, edge_inputs
from export.cli import entry
from export.converter import Converter
from export.trained_run import open_source
from toolkit.artifact.file import FORMATS, read_card
from toolkit.data.dataset import Item, build_index
from toolkit.data.run_folder import Run
from toolkit.data.splits import make_split
from toolkit.errors import UsageError
from toolkit.frontend.spec import PICTURE


def items(**counts: int) -> list[Item]:
    return [
        Item(f"{label}/{n:03}.png", label, f"{label}/{n:03}", f"{label}{n}")
        for label, count in counts.items()
        for n in range(count)
    ]


def test_every_class_has_its_share() -> None:
    chosen = choose(items(a=50, b=50, c=50), 30)
    assert Counter(item.label for item in chosen) == {"a": 10, "b": 10, "c": 10}
    assert len(set(chosen)) == 30


def test_a_small_class_gives_all_it_has_and_the_others_more() -> None:
    assert Counter(item.label for item in choose(items(a=2, b=50, c=50), 30)) == {"a": 2, "b": 14, "c": 14}
    assert len(choose(items(a=2, b=3), 100)) == 5


def test_the_choice_is_spread_and_does_not_depend_on_order() -> None:
    train = items(a=100, b=100)
    chosen = choose(train, 20)
    assert choose(train[::-1], 20) == chosen
    numbers = [int(item.name[2:5]) for item in chosen if item.label == "a"]
    assert np.diff(numbers).tolist() == [10] * 9 and numbers[0] == 5


def test_fewer_inputs_than_classes_is_misuse() -> None:
    with pytest.raises(UsageError, match="--calibration is 2.*3"):
        choose(items(a=5, b=5, c=5), 2)


def test_calibration_holds_training_and_edge_inputs_and_its_digest_follows_both() -> None:
    train = items(a=2, b=2)
    pictures = np.zeros((4, 288, 432, 3), np.uint8)
    edges = edge_inputs(PICTURE)
    first, second = calibrate(train, pictures, edges), calibrate(train, pictures, edges)
    assert len({edge.tobytes() for edge in edges}) == len(edges) == 6
    assert first.card == second.card and (first.card.items, first.card.edges) == (4, 6)
    np.testing.assert_array_equal(first.inputs[4:], edges)
    other = [*train[:3], Item("b/001.png", "b", "b/001", "another file")]
    assert calibrate(other, pictures, edges).card.digest != first.card.digest


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
def test_ranges_are_measured_on_training_pictures_alone(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    """The converter's pictures have none of the validation part, and the card's digest is of their manifest."""
    seen: list[Calibration] = []
    real = Converter.__init__

    def spy(self: Any, *arguments: Any) -> None:
        real(self, *arguments)
        seen.append(self.calibration)

    monkeypatch.setattr(Converter, "__init__", spy)
    options = ["--format", format, "--quantize", "--calibration", "16", "--no-speed", "--max-drop", "10"]
    options += ["--output", str(tmp_path)]
    assert entry([str(run_folder), *options]) == 0
    (calibration,) = seen
    source = open_source(Run.load(run_folder), None)
    assert set(calibration.names) <= set(source.run.split.train)
    kept = {picture.tobytes() for picture in source.inputs(source.items("validation"))}
    assert len(calibration.inputs) == 16 + 6 and not kept & {value.tobytes() for value in calibration.inputs}
    chosen = [source.index.by_name[name] for name in calibration.names]
    again = calibrate(chosen, source.inputs(chosen), edge_inputs(source.front_end))
    assert read_card(tmp_path / f"gtzanet-int8.{format}").calibration == again.card


def test_on_gtzan_it_is_disjoint_from_validation_and_test(gtzan_root: Path) -> None:
    index = build_index(gtzan_root, "pictures")
    for name in ("paper", "fault-filtered", "stratified"):
        split = make_split(name, index)
        chosen = choose([index.by_name[item] for item in split.train], 100)
        assert Counter(item.label for item in chosen) == dict.fromkeys(index.classes, 10)
        assert {item.name for item in chosen} <= set(split.train)
        assert not {item.name for item in chosen} & {*split.validation, *split.test}
