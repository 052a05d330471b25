"""Events to an MQTT broker."""

from __future__ import annotations

import importlib
import json
import os
import re
import ssl
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import unquote, urlsplit

from runtime.stream.blocks import Report
from runtime.stream.home_assistant import EXPIRE_SECONDS, TOPIC, discovery
from toolkit.artifact.card import Card
from toolkit.errors import PublishError, UsageError

SCHEMES = {"mqtt": 1883, "mqtts": 8883}
PASSWORD = "MQTT_PASSWORD"
WAIT_SECONDS = 10.0
"""Limit on the wait for the broker's answer at the start, and for its last receipt at the end."""
LONGEST_RETRY = 30
LONGEST_TOPIC = 1000


@dataclass(frozen=True)
class Broker:
    """A broker and a topic."""

    host: str
    port: int
    encrypted: bool
    user: str | None
    password: str | None
    topic: str

    @classmethod
    def parse(cls, url: str) -> Broker:
        """Return the broker of `mqtt[s]://[user[:password]@]host[:port][/topic]`.

        The default password is in the variable MQTT_PASSWORD, which no list of processes shows.

        Raises
        ------
        UsageError
            If the URL has another form.
        """
        url_forms = "give mqtt://HOST/TOPIC, or mqtts://USER@HOST:PORT/TOPIC for TLS"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise UsageError(f"--mqtt: {error}: {url_forms}") from None
        if parts.scheme not in SCHEMES or not parts.hostname or parts.query:
            raise UsageError(f"--mqtt: {_without_password(url)!r} names no broker: {url_forms}")
        topic = unquote(parts.path).strip("/") or TOPIC
        if (
            "#" in url
            or topic.startswith("$")
            or re.search(r"[#+\0-\x1f\x7f\ud800-\udfff]", topic + url)
            or len(topic.encode()) > LONGEST_TOPIC
        ):
            raise UsageError(f"--mqtt: {topic!r} is no topic to publish to: a short name without # and +")
        user = unquote(parts.username) if parts.username else None
        password = unquote(parts.password) if parts.password else os.environ.get(PASSWORD)
        encrypted = parts.scheme == "mqtts"
        return cls(parts.hostname, port or SCHEMES[parts.scheme], encrypted, user, password if user else None, topic)

    @property
    def name(self) -> str:
        """Return host and port, for messages."""
        return f"{self.host}:{self.port}"


class Publisher:
    """A connection to a broker for a `with` block; it is opened again when it is lost.

    Retained messages: `<topic>/state`, the newest text; `<topic>/availability`: "online" in the block, "offline"
    after it (also where the process dies) and from `set_offline` to the next state; and Home Assistant's discovery.

    Raises
    ------
    PublishError
        On entering, if paho-mqtt is not installed, or the broker is not there or refuses the user.
    """

    def __init__(
        self,
        broker: Broker,
        card: Card,
        report: Report,
        expire_after: int = EXPIRE_SECONDS,
        address: str | None = None,
    ) -> None:
        self._broker, self._report = broker, report
        self._discovery = discovery(broker.topic, card, expire_after, address)
        self._answered, self._refusal = threading.Event(), ""
        self._state: str | None = None
        self._availability = "online"
        self._client = self._new_client()

    def __enter__(self) -> Publisher:
        where = f"--mqtt {self._broker.name}"
        try:
            self._client.connect(self._broker.host, self._broker.port)
        except (OSError, ValueError) as error:
            raise PublishError(
                f"{where}: {getattr(error, 'strerror', None) or error}: is the broker running?"
            ) from None
        self._client.loop_start()
        if not self._answered.wait(WAIT_SECONDS):
            self._refusal = f"no answer for {WAIT_SECONDS:g} s"
        if self._refusal:
            self._client.loop_stop()
            hint = f"check the user, and the password in the variable {PASSWORD}"
            raise PublishError(f"{where}: {self._refusal.lower()}: {hint}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.on_disconnect = None
        if self._client.is_connected():
            last = self._client.publish(f"{self._broker.topic}/availability", "offline", qos=1, retain=True)
            last.wait_for_publish(WAIT_SECONDS)
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, state: str) -> None:
        """Publish a text as the newest state; while the broker is away only the newest is kept, for when it is back."""
        self._state = state
        if self._availability != "online":
            self._availability = "online"
            self._publish_availability()
        self._client.publish(f"{self._broker.topic}/state", state, retain=True)

    def set_offline(self) -> None:
        """Publish that the newest state is out of date, until the next one is published."""
        self._availability = "offline"
        self._publish_availability()

    def _publish_availability(self) -> None:
        """Publish without a receipt: a message that a new connection repeats could arrive after a newer one."""
        self._client.publish(f"{self._broker.topic}/availability", self._availability, retain=True)

    def _new_client(self) -> Any:
        broker = self._broker
        paho = _paho()
        client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        if broker.user is not None:
            client.username_pw_set(broker.user, broker.password)
        if broker.encrypted:
            client.tls_set_context(ssl.create_default_context())
        client.will_set(f"{broker.topic}/availability", "offline", qos=1, retain=True)
        client.reconnect_delay_set(1, LONGEST_RETRY)
        client.on_connect, client.on_disconnect = self._connected, self._disconnected
        return client

    def _connected(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._refusal = str(reason)
            self._answered.set()
            return
        for topic, message in self._discovery.items():
            client.publish(topic, json.dumps(message), qos=1, retain=True)
        self._publish_availability()
        if self._answered.is_set():
            self._report(f"the MQTT broker {self._broker.name} is back")
        if self._state is not None:
            client.publish(f"{self._broker.topic}/state", self._state, retain=True)
        self._answered.set()

    def _disconnected(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if self._answered.is_set() and not self._refusal:
            self._report(f"the MQTT broker {self._broker.name} is gone ({reason}); trying again")


def _paho() -> Any:
    try:
        return importlib.import_module("paho.mqtt.client")
    except ImportError:
        raise PublishError("--mqtt needs paho-mqtt: run `pip install paho-mqtt`") from None


def _without_password(url: str) -> str:
    return re.sub(r"(//[^/@:]*):[^/@]*@", r"\1@", url)
