"""Events: their boundaries are where the sound changes, silence is none, and how the sound is cut does not matter."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.default_model import PRETRAINED
from runtime.prediction import State
from runtime.sources import Raw
from runtime.stream import events as stream
from runtime.stream.pipe import piped
from runtime.stream.smoothing import Decision, Rules
from runtime.timeline.events import Event, Settings, _joined, events_of, listening_of
from runtime.timeline.source import file_source, raw_source
from runtime.timeline.spans import Span, spans
from tests.runtime.timeline.coded import BIRD, DOG, FROG, LABELS, RATE, REST, WINDOW, classifier, sound
from toolkit.data import synthetic

QUARTER = WINDOW / 4
"""The largest error of a boundary that docs/timeline.md states."""
HOP = WINDOW / 5
THRESHOLDS = (0.5, 0.5, 0.5, 0.5)


def found(samples: Any, **options: Any) -> list[Event]:
    return list(events_of(classifier(**options), [samples]))


def labels(events: list[Event]) -> list[str]:
    return [event.label for event in events]


@given(st.floats(2.0, 10.0), st.sampled_from([0.0, 12.0, 100.0]))
@settings(max_examples=40, deadline=None)
def test_a_boundary_is_where_the_sound_changes(change: float, slope: float) -> None:
    events = found(sound((DOG, change), (BIRD, 14 - change)), slope=slope)
    assert labels(events) == ["dog", "bird"]
    assert events[0].start == 0 and events[1].end == pytest.approx(14, abs=1e-3) and events[0].end == events[1].start
    assert abs(events[0].end - change) <= QUARTER


@given(st.floats(2.0, 4.0), st.floats(2.0, 6.0), st.sampled_from([0.0, 12.0, 100.0]))
@settings(max_examples=40, deadline=None)
def test_an_event_of_a_multi_label_network_is_where_it_sounds(start: float, length: float, slope: float) -> None:
    """With a threshold of a half, and a sound that is as long as a window at least."""
    samples = sound((REST, start), (REST | FROG, length), (REST, 12 - start - length))
    rest, frog = found(samples, thresholds=THRESHOLDS, slope=slope)
    assert (rest.label, rest.start, frog.label) == ("rest", 0, "frog") and rest.end == pytest.approx(12, abs=1e-3)
    assert abs(frog.start - start) <= QUARTER and abs(frog.end - start - length) <= QUARTER
    assert rest.score == pytest.approx(1 if slope == 0 else 1 / (1 + np.exp(-slope / 2)), abs=1e-5)
    assert 0.4 < frog.score < 1


@given(st.floats(3.0, 5.0), st.floats(1.0, 4.0))
@settings(max_examples=20, deadline=None)
def test_silence_is_no_event_and_a_sound_after_it_is_not_that_before_it(first: float, pause: float) -> None:
    dog, bird = found(sound((DOG, first), (0, pause), (BIRD, 5.0)))
    assert (dog.label, bird.label) == ("dog", "bird")
    assert -0.001 <= dog.end - first <= HOP and -0.001 <= first + pause - bird.start <= HOP
    assert dog.start == 0 and bird.end == pytest.approx(first + pause + 5, abs=1e-3)


def test_sound_that_is_shorter_than_a_hop_has_an_event() -> None:
    (event,) = found(sound((DOG, 0.1)))
    assert event == Event(0, 0.1, "dog", 1.0)
    assert found(sound((0, 3.0))) == [] and found(np.zeros(0, np.float32)) == []


def test_what_is_not_probable_enough_is_no_event() -> None:
    samples = sound((DOG, 4.0), (DOG, 0.0))
    mixed = np.where(np.arange(len(samples)) % 2, samples, sound((BIRD, 4.0)))  # half of either
    rules = Rules(min_confidence=0.6)
    assert list(events_of(classifier(), [mixed], Settings(stream.Settings(rules=rules)))) == []
    assert len(found(mixed)) == 1


def test_the_hop_is_a_fifth_of_the_window_unless_it_is_given() -> None:
    assert listening_of(classifier(), Settings()).hop_seconds == HOP
    shorter = Settings(stream.Settings(window_seconds=1.0))
    assert listening_of(classifier(), shorter).hop_seconds == 0.2
    given_hop = Settings(stream.Settings(hop_seconds=1.5))
    assert listening_of(classifier(), given_hop).hop_seconds == 1.5


def test_a_shorter_window_finds_shorter_sounds() -> None:
    samples = sound((DOG, 5.0), (BIRD, 0.6), (DOG, 5.0))
    assert labels(found(samples)) == ["dog"]
    short = Settings(stream.Settings(window_seconds=0.5))
    events = list(events_of(classifier(), [samples], short))
    assert labels(events) == ["dog", "bird", "dog"]
    assert abs(events[1].start - 5) <= 0.5 / 4 and abs(events[1].end - 5.6) <= 0.5 / 4


def noisy_parts(rate: int, channels: int) -> Any:
    """Return music, silence and other music, (n, channels)."""
    parts = [synthetic.clip("bells", 1, seconds=3, rate=rate), np.zeros(2 * rate, np.float32)]
    parts.append(synthetic.clip("bass-drone", 2, seconds=3.3, rate=rate))
    samples = np.concatenate(parts)
    return np.stack([samples * (1 - 0.1 * channel) for channel in range(channels)], axis=1).astype(np.float32)


class Cut(io.BytesIO):
    """Bytes that come in pieces of these sizes, and then in large ones."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        super().__init__(data)
        self._sizes = iter(sizes)

    def read1(self, size: int | None = -1) -> bytes:
        return super().read1(next(self._sizes, size))


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, int], tuple[Path, bytes]]:
    folder, made = tmp_path_factory.mktemp("sounds"), {}
    for rate, channels in ((16_000, 1), (44_100, 2)):
        samples = noisy_parts(rate, channels)
        path = folder / f"{rate}.wav"
        soundfile.write(path, samples, rate, subtype="FLOAT")
        made[rate, channels] = (path, samples.astype("<f4").tobytes())
    return made


@given(
    st.sampled_from([(16_000, 1), (44_100, 2)]),
    st.lists(st.integers(1, 90_001), max_size=20),
    st.booleans(),
    st.sampled_from([None, 0.3, 1.0]),
)
@settings(max_examples=25, deadline=None)
def test_a_file_and_a_stream_of_its_samples_have_the_same_events(
    recordings: Any, form: tuple[int, int], sizes: list[int], multi_label: bool, hop: float | None
) -> None:
    """However the stream is cut; and what listening decides is what they are made of."""
    path, data = recordings[form]
    model = classifier(thresholds=(0.2, 0.2, 0.2, 0.2) if multi_label else ())
    chosen = Settings(stream.Settings(hop_seconds=hop), merge_seconds=0.4)
    from_file = list(events_of(model, file_source(str(path), RATE), chosen))
    raw = Raw(*form, "f32")
    assert list(events_of(model, raw_source(raw, RATE, piped(raw, Cut(data, sizes))), chosen)) == from_file
    assert len(from_file) >= 2
    listening = listening_of(model, chosen)
    heard = list(stream.listen(model, piped(raw, Cut(data, sizes)), raw.rate, listening, print))
    listener = stream.Listener(model, listening)
    expected = [hop for block in file_source(str(path), RATE) for hop in listener.push(block)]
    assert [(hop.result.end, hop.decision) for hop in heard] == [
        (hop.result.end, hop.decision) for hop in expected[: len(heard)]
    ]
    assert len(expected) - len(heard) <= 1, "the last milliseconds wait in a stream's resampler"
    assert any(hop.decision.state is State.SILENCE for hop in heard)
    events = list(_joined(spans(heard, listener.share), LABELS, 0.4))
    assert labels(events) == labels(from_file)[: len(events)] and events[:-2] == from_file[: len(events) - 2]


def decided(names: frozenset[str], probability: float) -> Decision:
    active = tuple(sorted(names))
    state = State.LABEL if active else State.UNKNOWN
    return Decision(state, active[0] if active else None, None, False, (probability,) * len(LABELS), active)


some_spans = st.lists(
    st.tuples(st.booleans(), st.integers(1, 5), st.frozensets(st.sampled_from(LABELS)), st.floats(0.1, 1)), max_size=25
)


@given(some_spans, st.integers(0, 6))
def test_events_are_the_time_that_their_labels_are_on(pieces: list[Any], gap: int) -> None:
    """Compared second by second: what lies between two events of a label is longer than the gap."""
    at, parts = 0.0, []
    on: dict[str, dict[int, float]] = {label: {} for label in LABELS}
    for silent, length, names, probability in pieces:
        if not silent:
            parts.append(Span(at, at + length, decided(names, probability)))
            for label in names:
                on[label] |= dict.fromkeys(range(int(at), int(at) + length), probability)
        at += length
    events = list(_joined(parts, LABELS, gap))
    assert events == sorted(events, key=lambda event: (event.start, event.end, event.label))
    for label, seconds in on.items():
        own = [event for event in events if event.label == label]
        covered = {second for event in own for second in range(int(event.start), int(event.end))}
        assert covered >= set(seconds)
        assert all(before.end + gap < after.start for before, after in zip(own, own[1:], strict=False))
        for event in own:
            inside = [value for second, value in seconds.items() if event.start <= second < event.end]
            assert event.score == pytest.approx(np.mean(inside))
            assert {int(event.start), int(event.end) - 1} <= set(seconds)
            assert longest_gap(sorted(second for second in seconds if event.start <= second < event.end)) <= gap


def longest_gap(seconds: list[int]) -> int:
    return max((after - before - 1 for before, after in zip(seconds, seconds[1:], strict=False)), default=0)


def test_the_shipped_model_finds_where_one_sound_follows_another() -> None:
    """Two synthetic sounds that it calls differently, whatever it calls them; two windows; a hop of 5 s."""
    from runtime.classifier import Classifier

    model = Classifier.load(PRETRAINED, threads=1)
    first, second = (synthetic.clip(name, 2, seconds=45) for name in ("arpeggio", "bass-drone"))
    events = list(events_of(model, [np.concatenate([first, second])]))
    window = model.card.front_end.window_seconds
    last = events[-1]
    assert last.end == 90 and last.label not in labels(events[:-1])
    assert abs(last.start - 45) <= window / 4


def test_an_hour_takes_no_more_memory_than_two_minutes(tmp_path: Path) -> None:
    """Of the reader and of what keeps windows; the sound changes, so that there are events."""
    path, peaks = tmp_path / "long.wav", []
    minute = np.concatenate([sound((code, 15.0)) for code in (DOG, BIRD, 0, FROG)])
    for minutes in (2, 60):
        with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
            for _ in range(minutes):
                file.write(minute)
        tracemalloc.start()
        source = file_source(str(path), RATE)
        events = list(events_of(classifier(), source, Settings(stream.Settings(hop_seconds=WINDOW))))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert source.seconds == 60 * minutes and 3 * minutes <= len(events) <= 4 * minutes
    assert peaks[1] < peaks[0] + 2e6, "an hour of these samples takes 230 MB"
