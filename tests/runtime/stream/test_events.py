"""Events of imperfect sound: constant offsets and damaged samples."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from runtime.classifier import Classifier
from runtime.stream import events
from runtime.stream.smoothing import Rules
from tests.runtime.stream.test_sliding_window import SHORT, Eye, music

SETTINGS = events.Settings(hop_seconds=1.5)
cuts = st.lists(st.integers(0, 60_000), max_size=8).map(sorted)


def listened(
    sound: Any, cuts: list[int] | None = None, rate: int = 22_050, report: Any = print, settings: Any = SETTINGS
) -> list[events.Hop]:
    """Return the events of sound (n, channels) that comes in pieces."""
    blocks = iter(np.split(sound, cuts or []))
    return list(events.listen(Classifier(Eye(SHORT)), blocks, rate, settings, report))


def results(heard: list[events.Hop]) -> list[Any]:
    return [(event.result.end, event.result.level, event.decision) for event in heard]


@pytest.mark.parametrize("rate", [22_050, 44_100])
@pytest.mark.parametrize("offset", [0.0, 0.01, -0.2])
def test_a_constant_offset_is_silence(offset: float, rate: int) -> None:
    heard = listened(np.full((rate * 8, 1), offset, np.float32), rate=rate)
    assert len(heard) == 5 and {event.decision.state for event in heard} == {"silence"}


@given(cuts, st.sampled_from([0.0, 0.01, -0.3]))
@hypothesis_settings(max_examples=10, deadline=None)
def test_a_cut_stream_with_an_offset_gives_exactly_what_the_whole_gives(cuts: list[int], offset: float) -> None:
    sound = (np.concatenate([music(3), np.zeros(60_000, np.float32)]) + np.float32(offset))[:, None]
    whole = listened(sound, rate=16_000)
    assert results(listened(sound, cuts, rate=16_000)) == results(whole)
    assert whole[0].decision.state == "label" and whole[-1].decision.state == "silence"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("channels", [1, 2])
def test_damaged_samples_count_as_0_and_are_reported_twice(bad: float, channels: int) -> None:
    sound = np.repeat(music(6)[:, None], channels, axis=1)
    sound[[5, 40_000, 100_000]] = 0
    expected = results(listened(sound))
    sound[[5, 40_000, 100_000], -1] = bad
    if channels == 2:
        sound[[5, 40_000, 100_000], 0] = 0
    messages: list[str] = []
    assert results(listened(sound, [10_000, 90_000], report=messages.append)) == expected
    first, last = messages
    assert "NaN" in first and "counts as 0" in first
    assert last.startswith(f"3 of {sound.size} samples were NaN, infinite or above 1e6")


def test_sound_samples_are_not_reported() -> None:
    messages: list[str] = []
    listened(music(3)[:, None] * np.float32(1e5), report=messages.append)
    assert messages == []


def test_events_tell_silence_from_a_class_of_that_name() -> None:
    eye = Eye(SHORT)
    eye.card = dataclasses.replace(eye.card, labels=("silence", "unknown"))
    classifier = Classifier(eye)
    sound = np.concatenate([music(3), np.zeros(60_000, np.float32)])[:, None]
    heard = list(events.listen(classifier, iter([sound]), 22_050, SETTINGS, print))
    values = [json.loads(events.as_json(event, classifier.labels)) for event in (heard[0], heard[-1])]
    assert [value["state"] for value in values] == ["label", "silence"]
    assert values[0]["label"] in ("silence", "unknown") and values[1]["label"] == "silence"
    assert "silence" in events.as_line(heard[-1]) and "%" not in events.as_line(heard[-1])


def test_the_level_is_in_decibels_in_every_form() -> None:
    tone = np.sin(np.arange(60_000) * 0.1)[:, None] / np.sqrt(50)
    (event,) = listened(tone.astype(np.float32), settings=events.Settings(hop_seconds=2))
    assert json.loads(events.as_json(event, ("a", "b")))["level_db"] == pytest.approx(-20, abs=0.1)
    assert events.as_line(event).endswith(" -20.0 dB")


@pytest.mark.parametrize("hop", [0.8, 1.5, 3.0])
def test_events_come_every_hop(hop: float) -> None:
    ends = [event.result.end for event in listened(music(12)[:, None], settings=events.Settings(hop_seconds=hop))]
    assert ends[-1] - ends[-2] == pytest.approx(hop, abs=0.4) and len(ends) >= 12 // (hop + 0.4)


def test_probabilities_before_a_gap_have_no_part_in_those_after_it() -> None:
    first, second = music(3)[:, None], music(3, 1)[:, None]
    blocks = iter([first, None, second, None, second])
    heard = list(events.listen(Classifier(Eye(SHORT)), blocks, 22_050, SETTINGS, print))
    alone = [event.decision.probabilities for event in listened(second)]
    assert [event.decision.probabilities for event in heard[2:]] == [*alone, *alone]
    assert [event.decision.changed for event in heard] == [True] + [False] * 5, "a gap alone changes no label"


def test_probabilities_are_averaged_over_a_third_of_a_window_unless_told() -> None:
    sound = np.concatenate([music(6), 0.1 * music(6, 1)])[:, None]
    third = Rules(smoothing=SHORT.window_seconds / 3)
    explicit = listened(sound, settings=events.Settings(hop_seconds=1.5, rules=third))
    assert results(listened(sound)) == results(explicit)
    longer = events.Settings(hop_seconds=1.5, rules=Rules(smoothing=10))
    assert results(listened(sound, settings=longer)) != results(explicit)


def test_the_cards_confidence_counts_unless_the_rules_have_one() -> None:
    sound, states = music(6)[:, None], []
    for least, rules in ((0.0, Rules()), (1.0, Rules()), (1.0, Rules(min_confidence=0.0))):
        eye = Eye(SHORT)
        eye.card = dataclasses.replace(eye.card, min_confidence=least)
        settings = dataclasses.replace(SETTINGS, rules=rules)
        heard = events.listen(Classifier(eye), iter([sound]), 22_050, settings, print)
        states.append({hop.decision.state for hop in heard})
    assert states == [{"label"}, {"unknown"}, {"label"}]
