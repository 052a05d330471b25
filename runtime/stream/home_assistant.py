"""Discovery: the messages by which Home Assistant adds the sensors of a topic."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from runtime.prediction import State
from toolkit.artifact.card import Card

TOPIC = "gtzanet-edge"
DISCOVERY = "homeassistant"
"""Home Assistant's default prefix of discovery topics."""
EXPIRE_SECONDS = 21
"""Two hops and the time until a source counts as stalled, at the default settings."""


def discovery(
    topic: str, card: Card, expire_after: int = EXPIRE_SECONDS, address: str | None = None
) -> dict[str, dict[str, Any]]:
    """Return Home Assistant's discovery messages by topic: a sensor for the label, and one for its probability.

    A sensor is unavailable where no state came for `expire_after` seconds. `address` is that of the device's page.

    Source: the integration "MQTT" of Home Assistant's documentation, sections on discovery and sensors.
    """
    node = _id(topic)
    common: dict[str, Any] = {
        "state_topic": f"{topic}/state",
        "availability_topic": f"{topic}/availability",
        "expire_after": expire_after,
        "device": {
            "identifiers": [f"{TOPIC}-{node}"],
            "name": topic,
            "manufacturer": TOPIC,
            "model": f"{card.model}-{card.precision}",
            **({} if address is None else {"configuration_url": address}),
        },
        "origin": {"name": TOPIC},
    }
    sensors: dict[str, dict[str, Any]] = {
        "label": {
            "name": "Sound",
            "icon": "mdi:waveform",
            "device_class": "enum",
            "options": list(dict.fromkeys([*card.labels, State.UNKNOWN, State.SILENCE])),
            "value_template": "{{ value_json.label }}",
            "json_attributes_topic": f"{topic}/state",
        },
        "confidence": {
            "name": "Confidence",
            "icon": "mdi:percent",
            "unit_of_measurement": "%",
            "state_class": "measurement",
            "value_template": "{{ (100 * value_json.confidence) | round(1) if value_json.confidence else None }}",
        },
    }
    return {
        f"{DISCOVERY}/sensor/{node}/{name}/config": common | {"unique_id": f"{node}_{name}"} | sensor
        for name, sensor in sensors.items()
    }


def _id(topic: str) -> str:
    """Return a topic as an id of letters, digits, _ and -, another one for every topic.

    The id of a topic that has other characters, or looks like such an id, ends with a digest of the exact topic.
    """
    slug = re.sub(r"[^a-zA-Z0-9_-]", "_", topic)
    if slug == topic and not re.search(r"--[0-9a-f]{12}$", topic):
        return topic
    return f"{slug}--{hashlib.sha256(topic.encode()).hexdigest()[:12]}"
