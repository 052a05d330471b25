"""A file's row, what decides it besides the file, and the columns that every store has."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from runtime.timeline.events import Event
from runtime.timeline.events import Settings as EventSettings
from toolkit.audio.samples import SILENCE_DB
from toolkit.dataclass_json import from_json, to_json
from toolkit.files import canonical_json

LOCAL = "file://"
SCHEMA = 1
"""The version of the columns (docs/catalogue.md)."""


@dataclass(frozen=True)
class Settings:
    """What decides a row besides the file and the model.

    Attributes
    ----------
    silence
        The level in decibels below which a window is silent.
    min_confidence
        The probability below which the label is "unknown"; None for 0, or a multi-label network's own thresholds.
    events
        How sound becomes events; None for no events.
    """

    silence: float = SILENCE_DB
    min_confidence: float | None = None
    events: EventSettings | None = None


@dataclass(frozen=True)
class Origin:
    """Where rows are from: the digest of the model's card, the model's name and the settings as JSON, its labels."""

    model: str
    settings: str
    labels: tuple[str, ...]

    @classmethod
    def of(cls, digest: str, name: str, settings: Settings, labels: tuple[str, ...]) -> Origin:
        """Return the origin of the rows that a model makes with settings."""
        return cls(digest, canonical_json({"model": name, **to_json(settings)}), labels)


@dataclass(frozen=True, slots=True)
class Row:
    """One file's result.

    Attributes
    ----------
    file
        Its absolute path, or URL; of a path that is no UTF-8 its `file://` URL (see `file_name`).
    size, mtime
        Bytes, and nanoseconds since 1970, as they were before the file was read.
    digest
        SHA-256 of its bytes, in hexadecimal; "" where they could not be read.
    duration
        Seconds of sound; None with an error.
    label
        The most probable class, "unknown" or "silence"; None with an error.
    labels
        The labels that apply: of a multi-label network several or none, of any other `label` where it is a class.
    confidence
        The probability of the most probable class; None in silence and with an error.
    probabilities
        By class, in the model's order, rounded to 6 digits; None with an error.
    events
        The timeline's; None where none was requested, and with an error.
    warnings
        What is doubtful about the file, a sentence each.
    model, settings
        Those of `Origin`.
    error
        Why there is no result; None where there is one.
    schema
        The version of these fields.
    """

    file: str
    size: int
    mtime: int
    digest: str = ""
    duration: float | None = None
    label: str | None = None
    labels: tuple[str, ...] = ()
    confidence: float | None = None
    probabilities: dict[str, float] | None = None
    events: tuple[Event, ...] | None = None
    warnings: tuple[str, ...] = ()
    model: str = ""
    settings: str = ""
    error: str | None = None
    schema: int = field(default=SCHEMA)

    def failed(self, reason: str) -> Row:
        """Return the row of the same file with an error in place of a result."""
        return replace(self, error=text(reason))


COLUMNS = tuple(Row.__dataclass_fields__)
NESTED = ("labels", "probabilities", "events", "warnings")
"""Those that are JSON where a store has no nested values."""


def cells(row: Row) -> dict[str, Any]:
    """Return a row's values by column, events as mappings."""
    values = {name: getattr(row, name) for name in COLUMNS}
    if row.events is not None:
        values["events"] = [asdict(event) for event in row.events]
    return values


def flat_cells(row: Row) -> list[Any]:
    """Return a row's values in the order of `COLUMNS`; those that are nested as JSON."""
    values = cells(row)
    for name in NESTED:
        if values[name] is not None:
            values[name] = json.dumps(values[name], ensure_ascii=False, allow_nan=False)
    return list(values.values())


def row_of(values: Mapping[str, Any]) -> Row:
    """Return the row of values by column, nested ones as lists and mappings; raise `ValueError` if one is none."""
    return from_json(Row, dict(values))


def row_of_flat(values: Mapping[str, Any]) -> Row:
    """Return the row of `flat_cells` by column; raise `ValueError` if one of them is none."""
    try:
        nested = {name: None if values[name] is None else json.loads(values[name]) for name in NESTED}
    except (TypeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    return row_of({**values, **nested})


def file_name(path: str) -> str:
    """Return a path as text that can be stored, and that no other path has: its URL (RFC 8089) if it is no UTF-8."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return LOCAL + quote(os.fsencode(path))
    return path


def path_of(file: str) -> str:
    """Return the path that `file_name` was of."""
    return os.fsdecode(unquote_to_bytes(file.removeprefix(LOCAL))) if file.startswith(LOCAL) else file


def text(name: str) -> str:
    """Return a sentence as text that can be stored: bytes that are no UTF-8 are escaped."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
