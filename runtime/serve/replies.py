"""Answers: JSON, and refusals as one sentence."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response


class Refusal(Exception):
    """A request that is not served: the status, and a sentence that names what is wrong and what to do."""

    def __init__(self, status: int, sentence: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.headers = status, sentence, headers


def reply(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a JSON answer."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return Response(text.encode("utf-8", "backslashreplace"), status, headers, "application/json")


def refusal(status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    """Return an answer to a request that is not served."""
    return reply({"error": sentence}, status, headers)
