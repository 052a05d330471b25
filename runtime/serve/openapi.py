"""The API's description (OpenAPI 3.1); every answer that the server gives is in it."""

from __future__ import annotations

from typing import Any

from runtime.serve.api_events import LARGEST_ID, LATEST
from runtime.serve.api_files import CHART
from runtime.serve.event_log import PAGE, UNITS
from runtime.serve.state import State

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "number"}
_PROBABILITY: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_ERROR: Schema = {"type": "object", "required": ["error"], "properties": {"error": _TEXT}}
_PROBABILITIES: Schema = {"type": ["object", "null"], "additionalProperties": _PROBABILITY}
_STATE: Schema = {"enum": ["label", "silence", "unknown"]}
_CLIP: Schema = {"type": "object", "required": ["clip"], "properties": {"clip": _TEXT}}
_MODEL: Schema = {
    "type": "object",
    "required": ["model", "labels", "source", "keeps_clips"],
    "properties": {"model": _TEXT, "labels": {"type": "array", "items": _TEXT}, "max_bytes": {"type": "integer"}},
}
_NOW: Schema = {
    "type": "object",
    "description": "The keys of a line of --listen --json, and the source.",
    "required": ["source"],
    "properties": {
        "source": {"enum": ["off", "waiting", "listening", "stalled", "ended"]},
        "state": _STATE,
        "label": _TEXT,
        "confidence": {"type": ["number", "null"]},
        "probabilities": _PROBABILITIES,
        "level_db": _NUMBER,
    },
}
_EVENT: Schema = {
    "type": "object",
    "required": ["id", "start", "end", "label", "probability", "confirmed", "clip"],
    "properties": {
        "id": {"type": "integer"},
        "start": {"type": "string", "format": "date-time"},
        "end": {"type": "string", "format": "date-time"},
        "label": _TEXT,
        "probability": _PROBABILITY,
        "confirmed": {"type": ["string", "null"]},
        "clip": {"type": ["string", "null"]},
    },
}
_EVENTS: Schema = {
    "type": "object",
    "required": ["events"],
    "properties": {"events": {"type": "array", "items": _EVENT}},
}
_CLASSIFIED: Schema = {
    "type": "object",
    "required": ["state", "label", "confidence", "probabilities", "seconds", "events", "model", "warnings"],
    "properties": {
        "state": _STATE,
        "label": _TEXT,
        "confidence": {"type": ["number", "null"]},
        "probabilities": _PROBABILITIES,
        "seconds": _NUMBER,
        "events": {"type": "array", "items": {"type": "object", "required": ["start", "end", "label", "score"]}},
        "model": _TEXT,
        "warnings": {"type": "array", "items": _TEXT},
    },
}
_COUNTS: Schema = {
    "type": "object",
    "required": ["by", "counts"],
    "properties": {"by": {"enum": list(UNITS)}, "counts": {"type": "array", "items": {"type": "object"}}},
}
_SOUND: Schema = {
    "required": True,
    "description": "The bytes of an audio file: WAV, FLAC, Ogg, MP3, ...; any Content-Type.",
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary", "minLength": 1}}},
}
_HEALTH: Schema = {"type": "object", "required": ["status", "source"]}


def openapi(state: State) -> Schema:
    """Return the document, with the labels of the model."""
    label: Schema = {"enum": list(state.classifier.labels)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "gtzanet-edge", "version": "1", "description": "What sounds on this device."},
        "paths": _server_paths() | _live_paths(label) | _event_paths(label) | _file_paths(label),
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


def _server_paths() -> Schema:
    health = _get("Whether all works", _json(_HEALTH), more={"503": _json(_HEALTH, "No sound comes")}, token=False)
    cookie = {"204": {"description": "The cookie is set"}}
    login = _post("Exchange the token for a cookie", cookie, _body("token", _TEXT), (408, 409, 413))
    return {
        "/healthz": {"get": health},
        "/metrics": {"get": _get("Counters for Prometheus", _text("text/plain"))},
        "/openapi.json": {"get": _get("This document", _json({"type": "object"}), refused=(), token=False)},
        "/api/login": {"post": login},
    }


def _live_paths(label: Schema) -> Schema:
    stream = "Server-sent events: now (as /api/now), columns (base64 of uint8, a byte per band)"
    keep = "Keep the newest sound as a clip"
    return {
        "/api/model": {"get": _get("The model, its labels and limits", _json(_MODEL))},
        "/api/now": {"get": _get("What sounds now", _json(_NOW))},
        "/api/stream": {"get": _get(stream, _text("text/event-stream"), refused=(400, 503))},
        "/api/now/label": {"post": _post(keep, {"201": _json(_CLIP)}, _body("label", label), (408, 409, 413))},
    }


def _event_paths(label: Schema) -> Schema:
    event = _parameter("event", {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}, "path")
    seconds: Schema = {"type": "number", "minimum": 0, "maximum": LATEST}
    selection = [
        _parameter("label", _TEXT),
        _parameter("since", seconds),
        _parameter("until", seconds),
        _parameter("before", {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}),
    ]
    limit = _parameter("limit", {"type": "integer", "minimum": 1, "maximum": PAGE})
    by, days = _parameter("by", {"enum": list(UNITS)}), _parameter("days", {**_NUMBER, "minimum": 0, "maximum": 36_500})
    wav = _binary("audio/wav")
    confirm, confirmed = "Confirm or correct an event's label", {"200": _json(_CLIP)}
    return {
        "/api/events": {"get": _get("Events, newest first", _json(_EVENTS), [*selection, limit])},
        "/api/events.csv": {"get": _get("Events as CSV", _text("text/csv"), selection)},
        "/api/counts": {"get": _get("Events of each label per hour or day", _json(_COUNTS), [by, days])},
        "/api/charts/recent": {"get": _get("The last ten minutes as HTML", _text("text/html"))},
        "/api/charts/counts": {"get": _get("Counts as HTML", _text("text/html"), [by])},
        "/api/events/{event}/clip": {"get": _get("An event's clip", wav, [event], (400, 404, 416), {"206": wav})},
        "/api/events/{event}/label": {
            "post": _post(confirm, confirmed, _body("label", label), (404, 408, 409, 413), [event])
        },
    }


def _file_paths(label: Schema) -> Schema:
    chart, refused = _parameter("chart", {"enum": list(CHART)}), (408, 413, 422, 503)
    labelled = _parameter("label", label, required=True)
    classify, keep = "Classify an audio file", "Keep an audio file as a clip"
    return {
        "/api/classify": {"post": _post(classify, {"200": _json(_CLASSIFIED)}, _SOUND, refused, [chart])},
        "/api/clips": {"post": _post(keep, {"201": _json(_CLIP)}, _SOUND, (*refused, 409), [labelled])},
    }


_REASONS = {
    400: "A parameter or the body is wrong",
    401: "A token is needed",
    403: "Another site's page sends the request",
    404: "There is none",
    408: "The body took too long",
    409: "The server was started without what this needs",
    413: "The body is too large",
    416: "There is no such part of the file",
    421: "The address names another host",
    422: "The audio file cannot be read",
    429: "Too many requests",
    503: "Too many at once",
    507: "The device cannot write",
}


def _operation(summary: str, responses: Schema, refused: tuple[int, ...], parameters: list[Schema]) -> Schema:
    answers = {str(status): _json(_ERROR, _REASONS[status]) for status in sorted({*refused, 421, 429})}
    return {"summary": summary, "parameters": parameters, "responses": answers | responses}


def _get(
    summary: str,
    answer: Schema,
    parameters: list[Schema] | None = None,
    refused: tuple[int, ...] = (400,),
    more: Schema | None = None,
    token: bool = True,
) -> Schema:
    needed = (*refused, 401) if token else refused
    operation = _operation(summary, {"200": answer, **(more or {})}, needed, parameters or [])
    return operation | ({"security": [{"token": []}, {}]} if token else {})


def _post(
    summary: str, responses: Schema, body: Schema, refused: tuple[int, ...], parameters: list[Schema] | None = None
) -> Schema:
    operation = _operation(summary, responses, (*refused, 400, 401, 403, 507), parameters or [])
    return operation | {"requestBody": body, "security": [{"token": []}, {}]}


def _parameter(name: str, schema: Schema, place: str = "query", required: bool = False) -> Schema:
    return {"name": name, "in": place, "required": required or place == "path", "schema": schema}


def _body(name: str, schema: Schema) -> Schema:
    value = {"type": "object", "required": [name], "properties": {name: schema}, "additionalProperties": False}
    return {"required": True, "content": {"application/json": {"schema": value}}}


def _json(schema: Schema, text: str = "The answer") -> Schema:
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _text(kind: str) -> Schema:
    return {"description": "The answer", "content": {kind: {"schema": _TEXT}}}


def _binary(kind: str) -> Schema:
    return {"description": "The file", "content": {kind: {"schema": {"type": "string", "format": "binary"}}}}
