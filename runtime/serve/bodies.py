"""What a request holds, within limits: parameters, JSON, and files that are never in memory."""

from __future__ import annotations

import asyncio
import json
import math
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect, Request

from runtime.serve.replies import Refusal

JSON_BYTES = 1 << 14
UPLOAD_SECONDS = 120
"""For the whole of an upload: a slow one must not hold a connection for ever."""


def parameters(request: Request, names: tuple[str, ...]) -> dict[str, str]:
    """Return the query's parameters; refuse others than `names`, and one that is given twice."""
    values: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in names or name in values:
            raise Refusal(400, f"{name!r}: give each of these at most once: {', '.join(names) or 'no parameters'}")
        values[name] = value
    return values


def number(values: dict[str, str], name: str, least: float, most: float) -> float | None:
    """Return a parameter as a number, or None where it is absent."""
    text = values.get(name)
    if text is None:
        return None
    try:
        value = float(text) if text.isascii() and "_" not in text and text.strip() == text else math.nan
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise Refusal(400, f"{name} is {text!r}: give a number, {least:g} to {most:g}")
    return value


def integer(values: dict[str, str], name: str, least: int, most: int) -> int | None:
    """Return a parameter as a whole number, or None where it is absent."""
    value = number(values, name, least, most)
    if value is not None and value % 1:
        raise Refusal(400, f"{name} is {values[name]!r}: give a whole number")
    return None if value is None else int(value)


async def json_field(request: Request, name: str) -> str:
    """Return the text `name` of a body that is a JSON object with this one key."""
    data = b"".join([chunk async for chunk in _chunks(request, JSON_BYTES)])
    try:
        value: Any = json.loads(data)
    except (ValueError, RecursionError):
        raise Refusal(400, f'the body is no JSON: send {{"{name}": "..."}}') from None
    if not isinstance(value, dict) or set(value) != {name} or not isinstance(value[name], str):
        raise Refusal(400, f'the body is another object than {{"{name}": "..."}}')
    text: str = value[name]
    return text


@asynccontextmanager
async def uploaded(request: Request, limit: int) -> AsyncIterator[Path]:
    """Yield a temporary file with the request's body; refuse more than `limit` bytes, or none."""
    handle, name = tempfile.mkstemp(prefix="gtzanet-upload-")
    try:
        with os.fdopen(handle, "wb") as file:
            async for chunk in _chunks(request, limit):
                file.write(chunk)
            size = file.tell()
        if size == 0:
            raise Refusal(400, "the body is empty: send the bytes of an audio file")
        yield Path(name)
    finally:
        os.unlink(name)


async def _chunks(request: Request, limit: int) -> AsyncIterator[bytes]:
    """Yield the body; refuse it as soon as it is known to be too large or too slow."""
    too_large = Refusal(413, f"the body is larger than {limit} bytes")
    stated = request.headers.get("content-length", "0")
    if stated.isdecimal() and int(stated) > limit:
        raise too_large
    size = 0
    try:
        async with asyncio.timeout(UPLOAD_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    raise too_large
                yield chunk
    except TimeoutError:
        raise Refusal(408, f"the body took longer than {UPLOAD_SECONDS} s") from None
    except ClientDisconnect:
        raise Refusal(400, "the body ended early") from None
