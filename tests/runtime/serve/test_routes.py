"""Endpoints: what they return, and which events and clips they show."""

from __future__ import annotations

import base64
import csv
import io
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from runtime.classifier import Classifier
from runtime.serve.api_events import FIELDS
from runtime.serve.state import State
from runtime.stream.events import Settings
from runtime.timeline import events as timeline
from tests.runtime.serve.conftest import RATE, Served, noise, pcm, wav

Heard = Callable[[State, bytes], list[str]]
LISTENING = ("--stream", "--rate", str(RATE), "--hop", "5")


def test_a_file_is_classified_as_the_command_line_does(served: Served, classifier: Classifier, sound: Path) -> None:
    client, _ = served()
    response = client.post("/api/classify", content=sound.read_bytes())
    assert response.status_code == 200
    answer, prediction = response.json(), classifier.classify(sound)
    assert answer["probabilities"] == pytest.approx(prediction.by_label())
    assert answer["label"] == prediction.label
    assert answer["seconds"] == 30
    samples, _ = soundfile.read(sound, dtype="float32")
    expected = list(timeline.events_of(classifier, [samples.astype(np.float32)]))
    assert [(event["start"], event["end"], event["label"]) for event in answer["events"]] == [
        (round(event.start, 3), round(event.end, 3), event.label) for event in expected
    ]
    assert "chart" not in answer
    chart = client.post("/api/classify?chart=1", content=sound.read_bytes()).json()["chart"]
    assert chart.startswith("<svg") and answer["label"] in chart


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"", 400, "empty"),
        (b"this is no sound at all, whatever it is called", 422, "the audio file"),
        (wav(noise(1))[:-2000], 422, "truncated"),
        (bytes(1_000_001), 413, "larger than 1000000 bytes"),
        (wav(np.zeros(601 * 8000, np.float32)[: 300 * 1000], 1000), 200, ""),
    ],
)
def test_files_that_cannot_be_classified_are_refused(served: Served, content: bytes, status: int, words: str) -> None:
    client, _ = served("--max-mb", "1")
    response = client.post("/api/classify", content=content)
    assert response.status_code == status
    assert words in response.text
    assert "/tmp" not in response.text


def test_a_file_that_would_fill_the_memory_is_refused(served: Served) -> None:
    client, _ = served()
    silence = io.BytesIO()
    soundfile.write(silence, np.zeros(1000 * 610, np.int16), 1000, format="FLAC")
    response = client.post("/api/classify", content=silence.getvalue())
    assert (response.status_code, response.json()) == (
        422,
        {"error": "the audio file: it is longer than 600 s: cut it first"},
    )


def test_an_upload_without_a_stated_length_is_limited(served: Served) -> None:
    client, _ = served("--max-mb", "1")
    response = client.post("/api/classify", content=(bytes(100_000) for _ in range(11)))
    assert response.status_code == 413


def test_sound_becomes_events_as_in_a_timeline(
    served: Served, heard: Heard, classifier: Classifier, keep: Path
) -> None:
    sound = np.concatenate([noise(20), np.zeros(10 * RATE, np.float32), 3 * noise(17, 1)])
    client, state = served(*LISTENING, "--keep", str(keep))
    heard(state, pcm(sound))
    events = client.get("/api/events").json()["events"][::-1]
    heard_samples = np.frombuffer(pcm(sound), "<i2").astype(np.float32) / np.float32(32768)
    expected = list(timeline.events_of(classifier, [heard_samples], timeline.Settings(Settings(5.0))))
    assert len(expected) >= 2
    rows = [state.log.get(event["id"]) for event in events]
    lengths = [row.end - row.start for row in rows if row]
    assert [event["label"] for event in events] == [event.label for event in expected]
    assert lengths == pytest.approx([event.end - event.start for event in expected], rel=0.02)
    assert [event["probability"] for event in events] == pytest.approx([event.score for event in expected], abs=1e-5)
    for event, length in zip(events, lengths, strict=True):
        clip = client.get(event["clip"])
        assert clip.headers["content-type"] == "audio/wav"
        samples, rate = soundfile.read(io.BytesIO(clip.content))
        assert rate == RATE
        assert len(samples) / rate == pytest.approx(min(length, 30), rel=0.02)


def test_what_sounds_now_is_what_a_line_of_json_says(served: Served, heard: Heard) -> None:
    client, state = served(*LISTENING)
    assert client.get("/api/now").json() == {"source": "waiting"}
    heard(state, pcm(noise(12)))
    state.live.source = "listening"
    assert client.get("/healthz").status_code == 200
    state.live.set_source("ended")
    assert client.get("/healthz").status_code == 503
    metrics = client.get("/metrics").text
    assert "gtzanet_hops_total 3\n" in metrics
    assert "gtzanet_sound_seconds_total 12\n" in metrics


def test_the_stream_holds_states_and_columns(served: Served, heard: Heard) -> None:
    client, state = served(*LISTENING)
    heard(state, pcm(noise(12)))
    threading.Timer(0.5, state.live.close).start()
    first, second = client.get("/api/stream").text.removesuffix("\n\n").split("\n\n")
    assert first == 'event: now\ndata: {"source": "ended"}'
    kind, _, data = second.partition("\ndata: ")
    columns = json.loads(data)
    values = np.frombuffer(base64.b64decode(columns["data"]), np.uint8).reshape(-1, 128)
    assert (kind, columns["first"]) == ("event: columns", 0)
    assert len(values) == pytest.approx(12 * state.live.length / 30, abs=3)
    assert 100 < values.mean() < 140  # noise of -20 dB in 128 bands


def test_csv_has_every_event(served: Served) -> None:
    client, state = served()
    for number in range(1203):
        state.log.add(number, number + 1, "=1+1" if number == 7 else "rock, hard", 0.5)
    rows = list(csv.reader(io.StringIO(client.get("/api/events.csv").text)))
    assert rows[0] == list(FIELDS)
    assert [int(row[0]) for row in rows[1:]] == list(range(1203, 0, -1))
    assert rows[1][3] == "rock, hard"
    assert rows[-8][3] == "'=1+1"
    selected = client.get("/api/events.csv?label==1%2B1&since=3").text.splitlines()
    assert len(selected) == 2


def test_events_are_selected(served: Served) -> None:
    client, state = served()
    for number in range(5):
        state.log.add(100 * number, 100 * number + 10, "rock" if number % 2 else "jazz", 0.5)

    def ids(query: str) -> list[int]:
        return [event["id"] for event in client.get(f"/api/events?{query}").json()["events"]]

    assert ids("") == [5, 4, 3, 2, 1]
    assert ids("limit=2&before=5") == [4, 3]
    assert ids("label=rock") == [4, 2]
    assert ids("since=100&until=300") == [3, 2]


def test_counts_and_charts(served: Served) -> None:
    client, state = served()
    now = time.time()
    for age in (1, 2, 3_700, 100_000):
        state.log.add(now - age, now - age + 1, "rock", 0.5)
    counts = client.get("/api/counts?by=hour").json()["counts"]
    assert sum(row["events"] for row in counts) == 3
    assert sum(row["events"] for row in client.get("/api/counts?by=day").json()["counts"]) == 4
    assert client.get("/api/charts/counts?by=hour").text.count("<title>") == 24
    assert client.get("/api/charts/recent").text.count("<rect") == 2


def test_a_label_is_corrected(served: Served, heard: Heard, keep: Path) -> None:
    client, state = served(*LISTENING, "--keep", str(keep))
    heard(state, pcm(noise(12)))
    (event,) = client.get("/api/events").json()["events"]
    before = client.get(event["clip"]).content
    assert [path.parent.name for path in keep.glob("*/*.wav")] == [".unconfirmed"]
    response = client.post(f"/api/events/{event['id']}/label", json={"label": "jazz"})
    assert response.status_code == 200
    clip = keep / response.json()["clip"]
    assert clip.parent == keep / "jazz"
    assert clip.read_bytes() == before
    (corrected,) = client.get("/api/events").json()["events"]
    assert corrected == event | {"confirmed": "jazz"}
    assert client.get(event["clip"]).content == before
    clip.unlink()
    assert client.get(event["clip"]).status_code == 404
    assert client.post(f"/api/events/{event['id']}/label", json={"label": "pop"}).status_code == 404


def test_what_sounds_and_files_are_kept(served: Served, heard: Heard, keep: Path) -> None:
    client, state = served(*LISTENING, "--keep", str(keep))
    assert client.post("/api/now/label", json={"label": "rock"}).status_code == 409
    heard(state, pcm(noise(40)))
    response = client.post("/api/now/label", json={"label": "rock"})
    assert response.status_code == 201
    samples, rate = soundfile.read(keep / response.json()["clip"])
    assert len(samples) == 30 * rate
    response = client.post("/api/clips?label=pop", content=wav(noise(2), 44_100))
    assert response.status_code == 201
    assert soundfile.info(keep / response.json()["clip"]).samplerate == RATE
    assert (keep / response.json()["clip"]).parent == keep / "pop"


def test_without_a_folder_nothing_is_kept(served: Served) -> None:
    client, state = served()
    state.log.add(0, 1, "rock", 0.5)
    assert client.post("/api/clips?label=pop", content=wav(noise(1))).status_code == 409
    assert client.post("/api/events/1/label", json={"label": "pop"}).status_code == 409
    assert client.get("/api/events/1/clip").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/api/events?limit=0",
        "/api/events?limit=1.5",
        "/api/events?limit=nan",
        "/api/events?limit=1&limit=2",
        "/api/events?limit=1_0",
        "/api/events?since=-1",
        "/api/events?before=99999999999999999999",
        "/api/events?colour=red",
        "/api/counts?by=year",
        "/api/counts?days=inf",
        "/api/charts/counts?by=",
        "/api/now?x=1",
    ],
)
def test_wrong_parameters_are_refused(served: Served, path: str) -> None:
    client, _ = served()
    response = client.get(path)
    assert response.status_code == 400
    assert set(response.json()) == {"error"}


@pytest.mark.parametrize("body", ["", "x", "[]", "{}", '{"label": 1}', '{"label": "jazz", "more": 1}', "[" * 5000])
def test_wrong_bodies_are_refused(served: Served, keep: Path, body: str) -> None:
    client, _ = served("--keep", str(keep))
    response = client.post("/api/now/label", content=body)
    assert response.status_code == 400
    assert "the body is" in response.json()["error"]
    assert client.post("/api/now/label", json={"label": "a" * 20_000}).status_code == 413
    assert client.post("/api/now/label", json={"label": "no class"}).status_code == 400


def test_pages(served: Served) -> None:
    client, _ = served()
    for path in ("/", "/api", "/assets/page.js", "/assets/page.css", "/assets/style.css", "/assets/api.js"):
        assert client.get(path).status_code == 200
        assert "http:" not in client.get(path).text
    assert client.get("/nothing").json() == {"error": "not found"}
    response = client.put("/api/events")
    assert (response.status_code, set(response.headers["allow"].split(", "))) == (405, {"GET", "HEAD"})
    json.dumps(client.get("/openapi.json").json())


def test_a_folder_that_cannot_be_written_is_said(served: Served, keep: Path) -> None:
    client, _ = served("--keep", str(keep))
    (keep / "pop").touch()
    response = client.post("/api/clips?label=pop", content=wav(noise(1)))
    assert response.status_code == 507
    assert "File exists" in response.json()["error"]
    assert "507" in client.get("/openapi.json").json()["paths"]["/api/clips"]["post"]["responses"]
