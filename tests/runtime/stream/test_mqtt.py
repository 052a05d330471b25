"""Publishing, against a real mosquitto: what arrives, what stays, a broker that goes and comes back, TLS, passwords."""

from __future__ import annotations

import dataclasses
import json
import os
import queue
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.stream import mqtt
from runtime.stream.home_assistant import discovery
from runtime.stream.mqtt import Broker, Publisher
from tests.cards import example_card
from tests.runtime.stream.test_sliding_window import music
from toolkit.errors import PublishError, UsageError

ROOT = Path(__file__).parents[3]
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
needs_mosquitto = pytest.mark.skipif(
    MOSQUITTO is None and not os.environ.get("CI"), reason="mosquitto is not installed (apt install mosquitto)"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def mosquitto(folder: Path, port: int, *lines: str) -> Iterator[None]:
    """Run a broker until the block ends."""
    assert MOSQUITTO, "mosquitto is not installed"
    settings = folder / f"mosquitto-{port}.conf"
    settings.write_text("\n".join([f"listener {port} 127.0.0.1", "persistence false", *lines]) + "\n")
    process = subprocess.Popen([MOSQUITTO, "-c", str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, "mosquitto did not start"
            time.sleep(0.02)
        yield
    finally:
        process.kill()
        process.wait()


class Subscriber:
    """Collects every message of a broker."""

    def __init__(self, port: int) -> None:
        import paho.mqtt.client as paho

        self.messages: queue.Queue[Any] = queue.Queue()
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self.client.on_message = lambda client, data, message: self.messages.put(message)
        self.client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def until(self, topic: str) -> Any:
        """Return the next message on a topic; those on others are dropped."""
        while True:
            message = self.messages.get(timeout=20)
            if message.topic == topic:
                return message

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def test_a_url_says_where_to_publish(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(mqtt.PASSWORD, raising=False)
    assert Broker.parse("mqtt://pi") == Broker("pi", 1883, False, None, None, "gtzanet-edge")
    assert Broker.parse("mqtts://pi") == Broker("pi", 8883, True, None, None, "gtzanet-edge")
    assert Broker.parse("mqtts://me:p%40ss@pi:99/hall/music/") == Broker("pi", 99, True, "me", "p@ss", "hall/music")
    monkeypatch.setenv(mqtt.PASSWORD, "secret")
    assert Broker.parse("mqtt://me@[::1]/a").password == "secret"
    assert Broker.parse("mqtt://pi/a").password is None


@pytest.mark.parametrize(
    "url",
    ["", "pi", "http://pi/a", "mqtt://", "mqtt:///a", "mqtt://pi:x/a", "mqtt://pi:99999", "mqtt://pi/a/#"]
    + ["mqtt://pi/+/b", "mqtt://pi/%23", "mqtt://pi/a?b", "mqtt://[pi/a", "mqtt://pi/" + "a" * 2000, "mqtt://pi/%00"]
    + ["mqtt://pi/\udcff"],
)
def test_other_urls_are_misuse(url: str) -> None:
    with pytest.raises(UsageError, match="^--mqtt: "):
        Broker.parse(url)


def test_a_refused_url_does_not_show_its_password() -> None:
    with pytest.raises(UsageError) as caught:
        Broker.parse("http://me:secret@pi/a")
    assert "secret" not in str(caught.value) and "me" in str(caught.value)


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    for url in (text, f"mqtt://{text}", f"mqtt://pi/{text}"):
        with suppress(UsageError):
            assert Broker.parse(url).host


def test_home_assistant_gets_every_label() -> None:
    messages = discovery("hall/music", example_card())
    label, confidence = messages.values()
    assert label["options"] == [*example_card().labels, "unknown", "silence"] and label["device_class"] == "enum"
    assert label["unique_id"] != confidence["unique_id"] and label["device"] == confidence["device"]
    for message in (label, confidence):
        assert (
            message["state_topic"] == "hall/music/state" and message["availability_topic"] == "hall/music/availability"
        )


def test_a_class_called_unknown_is_one_option() -> None:
    card = dataclasses.replace(example_card(), labels=("unknown", "dog"))
    assert next(iter(discovery("hall", card).values()))["options"] == ["unknown", "dog", "silence"]


def ids(topic: str) -> set[str]:
    """Return everything by which Home Assistant tells the entities of a topic from others."""
    messages = discovery(topic, example_card())
    unique = {str(message["unique_id"]) for message in messages.values()}
    return {*messages, *unique, *(name for message in messages.values() for name in message["device"]["identifiers"])}


TOPICS = ["hall/music", "hall_music", "hall music", "Hall_music", "厨房", "客厅", "é", "e\u0301", "__"]


def test_topics_of_other_punctuation_or_script_get_other_ids() -> None:
    every = [ids(topic) for topic in TOPICS]
    assert len(set().union(*every)) == sum(map(len, every)) == 5 * len(TOPICS)


def test_a_plain_topic_is_its_own_id() -> None:
    assert "homeassistant/sensor/Hall_music-2/label/config" in ids("Hall_music-2")
    assert {"Hall_music-2_label", "Hall_music-2_confidence", "gtzanet-edge-Hall_music-2"} < ids("Hall_music-2")


topics = st.text(min_size=1) | st.text("ab/_- ", min_size=1) | st.sampled_from(TOPICS)


@given(topics, topics)
def test_ids_are_injective_and_readable_by_home_assistant(one: str, other: str) -> None:
    name = next(iter(discovery(one, example_card()))).split("/")[2]
    assert re.fullmatch("[a-zA-Z0-9_-]+", name)
    for topic in {other, name} - {one}:
        assert not ids(one) & ids(topic)


def test_a_broker_that_is_not_there_is_reported() -> None:
    with pytest.raises(PublishError, match="^--mqtt 127.0.0.1:.*Connection refused: is the broker running"):
        Publisher(Broker.parse(f"mqtt://127.0.0.1:{free_port()}"), example_card(), print).__enter__()
    with pytest.raises(PublishError, match="^--mqtt no.invalid:1883: "):
        Publisher(Broker.parse("mqtt://no.invalid"), example_card(), print).__enter__()


def test_without_paho_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    with pytest.raises(PublishError, match="pip install paho-mqtt"):
        Publisher(Broker.parse("mqtt://pi"), example_card(), print)


@needs_mosquitto
def test_one_that_never_answers_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt, "WAIT_SECONDS", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(PublishError, match="no answer for 0.2 s"):
            Publisher(Broker.parse(f"mqtt://127.0.0.1:{silent.getsockname()[1]}"), example_card(), print).__enter__()


@needs_mosquitto
def test_a_wrong_password_is_reported(tmp_path: Path) -> None:
    port, passwords = free_port(), tmp_path / "passwords"
    passwords.touch(mode=0o600)
    subprocess.run(["mosquitto_passwd", "-b", str(passwords), "me", "secret"], check=True, capture_output=True)
    for path in (tmp_path, passwords):  # mosquitto gives up root for a user of its own
        path.chmod(0o755)
    with mosquitto(tmp_path, port, f"password_file {passwords}", "allow_anonymous false", "user root"):
        with pytest.raises(PublishError, match="(?i)not authorized: check the user, and the password"):
            Publisher(Broker.parse(f"mqtt://me:wrong@127.0.0.1:{port}"), example_card(), print).__enter__()
        with Publisher(Broker.parse(f"mqtt://me:secret@127.0.0.1:{port}"), example_card(), print) as publisher:
            publisher.publish("{}")


@needs_mosquitto
def test_state_and_availability_outlive_and_the_will_is_done(tmp_path: Path) -> None:
    port = free_port()
    with mosquitto(tmp_path, port, "allow_anonymous true"):
        with Publisher(Broker.parse(f"mqtt://127.0.0.1:{port}/hall"), example_card(), print) as publisher:
            publisher.publish('{"label": "blues"}')
            first = Subscriber(port)
            first.until("hall/state")
            first.close()
            late = Subscriber(port)
            kept = {message.topic: message for message in (late.messages.get(timeout=20) for _ in range(4))}
            assert all(message.retain for message in kept.values()) and len(kept) == 4
            assert (
                kept["hall/state"].payload == b'{"label": "blues"}' and kept["hall/availability"].payload == b"online"
            )
            assert json.loads(kept["homeassistant/sensor/hall/label/config"].payload)["name"] == "Sound"
        assert late.until("hall/availability").payload == b"offline"
        killed = Publisher(Broker.parse(f"mqtt://127.0.0.1:{port}/hall"), example_card(), print).__enter__()
        assert late.until("hall/availability").payload == b"online"
        killed._client.loop_stop()
        killed._client.socket().close()  # the process is gone, without a word
        assert late.until("hall/availability").payload == b"offline"
        late.close()


@needs_mosquitto
def test_a_broker_that_goes_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt, "LONGEST_RETRY", 1)
    port = free_port()
    messages: list[str] = []
    with mosquitto(tmp_path, port, "allow_anonymous true"):
        publisher = Publisher(
            Broker.parse(f"mqtt://127.0.0.1:{port}/hall"), example_card(), messages.append
        ).__enter__()
    publisher.publish("1")
    publisher.publish("2")
    with mosquitto(tmp_path, port, "allow_anonymous true"):
        late = Subscriber(port)
        assert late.until("hall/availability").payload == b"online"
        assert late.until("hall/state").payload == b"2"
        publisher.publish("3")
        assert late.until("hall/state").payload == b"3"
        publisher.__exit__(None, None, None)
        late.close()
    gone, back = messages
    assert f"127.0.0.1:{port} is gone" in gone and f"127.0.0.1:{port} is back" in back


@needs_mosquitto
def test_a_stall_while_the_broker_is_away_is_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt, "LONGEST_RETRY", 1)
    port = free_port()
    with mosquitto(tmp_path, port, "allow_anonymous true"):
        publisher = Publisher(Broker.parse(f"mqtt://127.0.0.1:{port}/hall"), example_card(), print).__enter__()
        publisher.publish("1")
    publisher.set_offline()
    with mosquitto(tmp_path, port, "allow_anonymous true"):
        late = Subscriber(port)
        assert late.until("hall/availability").payload == b"offline"
        assert late.until("hall/state").payload == b"1"
        publisher.publish("2")
        assert late.until("hall/availability").payload == b"online"
        assert late.until("hall/state").payload == b"2"
        publisher.__exit__(None, None, None)
        late.close()


@needs_mosquitto
def test_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, certificate, port = tmp_path / "key.pem", tmp_path / "cert.pem", free_port()
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    broker = Broker.parse(f"mqtts://localhost:{port}/hall")
    lines = [f"certfile {certificate}", f"keyfile {key}", "allow_anonymous true", "user root"]
    with mosquitto(tmp_path, port, *lines):
        with pytest.raises(PublishError, match="certificate"):
            Publisher(broker, example_card(), print).__enter__()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with Publisher(broker, example_card(), print) as publisher:
            publisher.publish("{}")


@needs_mosquitto
def test_the_command_publishes(artifacts: Path, tmp_path: Path) -> None:
    port = free_port()
    data = np.rint(music(12) * 32767).astype("<i2").tobytes()
    command = [sys.executable, "-m", "runtime", "--stream", "--json", "--rate", "22050", "--hop", "5", "--threads", "1"]
    command += ["--model", str(artifacts / "gtzanet-float32.tflite"), "--mqtt", f"mqtt://127.0.0.1:{port}/hall"]
    with mosquitto(tmp_path, port, "allow_anonymous true"):
        subscriber = Subscriber(port)
        done = subprocess.run(command, cwd=ROOT, input=data, capture_output=True, timeout=120)
        assert done.returncode == 0, done.stderr
        printed = done.stdout.decode().splitlines()
        assert [subscriber.until("hall/state").payload.decode() for _ in printed] == printed
        assert subscriber.until("hall/availability").payload == b"offline"
        subscriber.close()
    refused = subprocess.run(command, cwd=ROOT, input=data, capture_output=True, timeout=120)
    assert refused.returncode == 1 and refused.stdout == b""
    assert refused.stderr.decode().splitlines() == [
        f"python -m runtime: error: --mqtt 127.0.0.1:{port}: Connection refused: is the broker running?"
    ]


def test_a_sensor_expires() -> None:
    assert [message["expire_after"] for message in discovery("hall", example_card(), 7).values()] == [7, 7]


@needs_mosquitto
def test_a_source_that_stalls_is_offline_until_a_new_window(artifacts: Path, tmp_path: Path) -> None:
    port = free_port()
    data = np.rint(music(12) * 32767).astype("<i2").tobytes()
    command = [sys.executable, "-m", "runtime", "--stream", "--json", "--rate", "22050", "--hop", "10"]
    command += ["--model", str(artifacts / "gtzanet-float32.tflite"), "--mqtt", f"mqtt://127.0.0.1:{port}/hall"]
    command += ["--stall", "1.5"]
    with mosquitto(tmp_path, port, "allow_anonymous true"):
        subscriber = Subscriber(port)
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdin
        assert json.loads(subscriber.until("homeassistant/sensor/hall/label/config").payload)["expire_after"] == 22
        assert subscriber.until("hall/availability").payload == b"online"
        for _ in range(2):
            process.stdin.write(data)
            process.stdin.flush()
            subscriber.until("hall/state")
            assert subscriber.until("hall/availability").payload == b"offline"
            late = Subscriber(port)
            assert late.until("hall/availability").payload == b"offline"
            late.close()
        process.stdin.write(data)
        process.stdin.flush()
        assert subscriber.until("hall/availability").payload == b"online"
        output, errors = process.communicate(timeout=60)
        subscriber.close()
    assert [json.loads(line)["at"] for line in output.splitlines()] == [10.008] * 3, "sound before and after is joined"
    assert [line.split(": ")[-1] for line in errors.decode().splitlines()[1:-1]] == [
        *["no sound for 1.5 s; waiting", "sound again"] * 2
    ]
