"""The decider: a label that stays while nothing has changed, and goes when something has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.stream.sliding_window import HopResult
from runtime.stream.smoothing import Decider, Decision, Rules

LABELS = ("a", "b", "c")


def heard(*probabilities: float) -> HopResult:
    return HopResult(0.0, 30.0, -20.0, probabilities or None, 0.0)


def decided(rules: Rules, *rows: tuple[float, ...]) -> list[str]:
    decider = Decider(LABELS, rules, 5.0)
    return [decider.decide(heard(*row)).word for row in rows]


def test_a_margin_keeps_a_label_from_flickering() -> None:
    near = [(0.4, 0.35, 0.25), (0.38, 0.42, 0.2), (0.4, 0.38, 0.22), (0.3, 0.5, 0.2)]
    assert decided(Rules(smoothing=0, margin=0.1), *near) == ["a", "a", "a", "b"]
    assert decided(Rules(smoothing=0, margin=0), *near) == ["a", "b", "a", "b"]


def test_smoothing_outlives_one_odd_window() -> None:
    rows = [(0.8, 0.1, 0.1)] * 3 + [(0.1, 0.8, 0.1)] + [(0.8, 0.1, 0.1)]
    assert decided(Rules(smoothing=10, margin=0), *rows) == ["a"] * 5
    assert decided(Rules(smoothing=0, margin=0), *rows)[3] == "b"


def test_smoothing_is_a_time() -> None:
    """After as many seconds as it says, an average has gone 1 - 1 / e of its way."""
    decider = Decider(LABELS, Rules(smoothing=10), 5.0)
    decider.decide(heard(1, 0, 0))
    decider.decide(heard(0, 1, 0))
    average = decider.decide(heard(0, 1, 0)).probabilities
    assert average is not None and average[1] == pytest.approx(1 - 0.36788, abs=1e-5)


def test_what_is_not_sure_is_unknown_with_some_patience() -> None:
    rules = Rules(smoothing=0, margin=0.1, min_confidence=0.6)
    rows = [
        (0.5, 0.3, 0.2),
        (0.65, 0.2, 0.15),
        (0.55, 0.3, 0.15),
        (0.45, 0.35, 0.2),
        (0.59, 0.3, 0.11),
        (0.1, 0.7, 0.2),
    ]
    assert decided(rules, *rows) == ["unknown", "a", "a", "unknown", "unknown", "b"]


def test_silence_forgets() -> None:
    decider = Decider(LABELS, Rules(smoothing=100), 5.0)
    first = decider.decide(heard(0.9, 0.05, 0.05))
    quiet = decider.decide(heard())
    after = decider.decide(heard(0.1, 0.8, 0.1))
    assert (first.word, quiet.word, after.word) == ("a", "silence", "b")
    assert (first.confidence, quiet.confidence, after.confidence) == (0.9, None, 0.8)
    assert quiet.probabilities is None and first.changed and quiet.changed and after.changed
    assert not decider.decide(heard(0.1, 0.8, 0.1)).changed


rows = st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(sum).map(lambda row: tuple(x / sum(row) for x in row))


@given(st.lists(rows | st.none(), max_size=20), st.floats(0, 30), st.floats(0, 0.5), st.floats(0, 1))
def test_whatever_comes_there_is_a_label(windows: list, smoothing: float, margin: float, least: float) -> None:
    decider = Decider(LABELS, Rules(smoothing, margin, least), 5.0)
    before = None
    for row in windows:
        decision = decider.decide(heard(*row) if row else heard())
        assert (decision.label in LABELS) == (decision.state == "label") == (decision.confidence is not None)
        assert decision.word == (decision.label or decision.state)
        assert (decision.state == "silence") == (row is None)
        assert decision.changed == ((decision.state, decision.label) != before)
        before = (decision.state, decision.label)


def test_a_new_label_must_be_sure_enough() -> None:
    rules = Rules(smoothing=0, margin=0.1, min_confidence=0.6)
    assert decided(rules, (0.65, 0.2, 0.15), (0.3, 0.55, 0.15)) == ["a", "unknown"]
    assert decided(rules, (0.65, 0.2, 0.15), (0.5, 0.59, 0.01)) == ["a", "a"]


def test_classes_may_be_called_as_states_are() -> None:
    decider = Decider(("silence", "unknown"), Rules(smoothing=0, margin=0, min_confidence=0.7), 5.0)
    rows = [(0.8, 0.2), (), (0.1, 0.9), (0.5, 0.5), (0.9, 0.1)]
    decisions = [decider.decide(heard(*row)) for row in rows]
    assert [decision.word for decision in decisions] == ["silence", "silence", "unknown", "unknown", "silence"]
    assert [decision.state for decision in decisions] == ["label", "silence", "label", "unknown", "label"]
    assert [decision.confidence for decision in decisions] == [0.8, None, 0.9, None, 0.9]
    assert all(decision.changed for decision in decisions)
    margin = Decider(("silence", "b"), Rules(smoothing=0, margin=0.4, min_confidence=0), 5.0)
    assert [margin.decide(heard(*row)).word for row in [(), (0.4, 0.6)]] == ["silence", "b"]


def several(scores: list[tuple[float, float, float]], rules: Rules, thresholds: tuple[float, ...]) -> list[Decision]:
    decider = Decider(("speech", "music", "dog"), rules, 1.0, thresholds)
    return [decider.decide(heard(*row)) for row in scores]


def test_each_label_of_a_multi_label_network_is_on_and_off_by_itself() -> None:
    rules = Rules(smoothing=0, margin=0.1)
    rows = [(0.6, 0.1, 0.0), (0.45, 0.9, 0.0), (0.39, 0.85, 0.3), (0.45, 0.0, 0.3), (0.0, 0.0, 0.1)]
    decisions = several(rows, rules, (0.5, 0.8, 0.3))
    assert [decision.labels for decision in decisions] == [
        ("speech",),
        ("music", "speech"),  # speech stays on until it is a margin below its threshold
        ("music", "dog"),
        ("dog",),  # speech is not on again before its threshold
        (),
    ]
    assert [decision.word for decision in decisions] == ["speech", "music", "music", "dog", "unknown"]
    assert [decision.changed for decision in decisions] == [True] * 5
    assert decisions[1].confidence == 0.9 and decisions[4].confidence is None


def test_an_order_of_labels_is_no_change_and_a_flag_overrides_thresholds() -> None:
    decisions = several([(0.6, 0.7, 0.0), (0.7, 0.6, 0.0)], Rules(smoothing=0, margin=0), (0.5, 0.5, 0.5))
    assert [decision.labels for decision in decisions] == [("music", "speech"), ("speech", "music")]
    assert [decision.changed for decision in decisions] == [True, False]
    (decision,) = several([(0.6, 0.7, 0.2)], Rules(smoothing=0, min_confidence=0.65), (0.1, 0.1, 0.1))
    assert decision.labels == ("music",)
    assert Decider(("a", "b", "c"), Rules(), 1.0).decide(heard(0.6, 0.3, 0.1)).labels is None


def test_a_label_of_a_low_threshold_goes_off_again() -> None:
    """A margin that is more than the threshold would keep it on for ever."""
    rows = [(0.06, 0.0, 0.0), (0.026, 0.0, 0.0), (0.024, 0.0, 0.0)]
    decisions = several(rows, Rules(smoothing=0, margin=0.1), (0.05, 0.5, 0.5))
    assert [decision.labels for decision in decisions] == [("speech",), ("speech",), ()]
