"""What probabilities are worth: the chosen confidence, alarms an hour, and that nothing is chosen on the test part."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from toolkit.dataclass_json import from_json
from toolkit.measure.metrics import calibration_error
from train.confidence import Calibration, Unknown, least_confidence, measured, summary

CLASSES = ("background", "hum", "tap")


def _part(seed: int, clips: int) -> dict[str, Any]:
    """Return predictions whose classes hum and tap are surer than background, which is often taken for them."""
    rng = np.random.default_rng(seed)
    labels = np.arange(clips) % 3
    logits = rng.normal(size=(clips, 3)) + 4 * np.eye(3)[labels] * (labels > 0)[:, np.newaxis]
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return {"names": list(map(str, range(clips))), "labels": labels.tolist(), "probabilities": probabilities.tolist()}


def test_it_is_chosen_on_validation_and_measured_on_test() -> None:
    validation, test = _part(0, 300), _part(1, 600)
    result = measured({"validation": validation, "test": test}, CLASSES, "background", 5.0)
    unknown = from_json(Unknown, result["unknown"])
    assert (unknown.part, unknown.n, unknown.unknown, unknown.hours) == ("test", 400, 200, 1000 / 3600)
    assert 0.8 < unknown.auroc < 1 and unknown.kept == pytest.approx(0.95, abs=0.04)
    assert 0 < unknown.false_alarms < unknown.without < 720
    other = measured({"validation": validation, "test": _part(2, 600)}, CLASSES, "background", 5.0)
    assert other["min_confidence"] == result["min_confidence"] > 0.3
    assert other["calibration"]["temperature"] == result["calibration"]["temperature"]


def test_alarms_are_windows_with_a_label_that_is_sure_enough() -> None:
    test = {"names": ["a", "b", "c"], "labels": [0, 1, 2], "probabilities": [[0.2, 0.7, 0.1], [0, 1, 0], [0, 0, 1]]}
    test["windows"] = {
        "clips": [0, 0, 0, 1, 2],
        "labels": [0, 0, 0, 1, 2],
        "probabilities": [[0.0, 0.999, 0.001], [0.6, 0.4, 0.0], [0.4, 0.45, 0.15], [0, 1, 0], [0, 0, 1]],
    }
    result = measured({"validation": _part(0, 300), "test": test}, CLASSES, "background", 1800.0)
    assert result["unknown"]["hours"] == 1.5
    assert result["unknown"]["without"] == pytest.approx(2 / 1.5)
    assert result["unknown"]["false_alarms"] == pytest.approx(1 / 1.5)
    assert result["unknown"]["auroc"] == 1
    assert summary(result)[-1].endswith("of which 1.5 hours were heard")


def test_without_other_sounds_there_is_calibration_alone() -> None:
    part = _part(3, 90)
    result = measured({"validation": part}, CLASSES, None, 5.0)
    assert set(result) == {"calibration"}
    calibration = from_json(Calibration, result["calibration"])
    assert calibration.ece == pytest.approx(calibration_error(part["probabilities"], part["labels"]))
    assert len(summary(result)) == 1
    assert len(summary(measured({"validation": part}, CLASSES, "background", 5.0))) == 2


def test_the_confidence_keeps_right_labels() -> None:
    probabilities = [[value, 1 - value] for value in np.linspace(0.5, 1, 101)[1:]]
    assert least_confidence(probabilities, [0] * 100) == pytest.approx(0.52)
    assert least_confidence(probabilities, [1] * 100) == 0
    assert least_confidence(probabilities, [0] * 100, background=0) == 0
    assert least_confidence([[1.0, 0.0]] * 9, [0] * 9) == 0.99
