"""Dataclasses and named tuples to and from JSON objects: no unknown or missing field, no wrong type, no NaN."""

from __future__ import annotations

import math
import reprlib
import types
import typing
from collections.abc import Collection
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")
MAX_INTEGER = 1 << 63
"""Whole numbers have 64 bits, as in other languages' readers."""


class StrictError(ValueError):
    """A JSON value does not fit a dataclass; the message names the field."""


def to_json(value: Any) -> Any:
    """Return a dataclass (or tuple, dict, scalar) as plain JSON values; one with `to_dict` as what that returns."""
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if names := _fields(type(value)):
        return {name: to_json(getattr(value, name)) for name in names}
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    return value


def from_json(cls: type[T], value: Any, where: str = "", names: Collection[str] | None = None) -> T:
    """Return the dataclass or named tuple `cls` that `value`, of `json.loads`, describes; messages call it `where`.

    `names` are its fields in `value`, by default all; the others keep their defaults.

    Its fields may be str, int, float, bool, `X | None`, tuples of one type (`tuple[str, ...]`) or of fixed length
    (`tuple[float, float]`), `dict[str, X]`, other such classes, or classes that have a `from_dict`. Raise `StrictError`
    if one is unknown, missing or of another type, or a number is not finite or a whole number beyond 64 bits.
    """
    if not isinstance(value, dict):
        raise StrictError(f"{where or 'the value'} is {_kind(value)}, not an object")
    hints = _hints(typing.cast(typing.Hashable, cls))
    names = _fields(cls) if names is None else names
    prefix = f"{where}." if where else ""
    for name in value:
        if name not in names:
            raise StrictError(f"{prefix}{shown(name)} is not a known field")
    for name in names:
        if name not in value:
            raise StrictError(f"{prefix}{name} is missing")
    return cls(**{name: _decode(hints[name], value[name], prefix + name) for name in names})


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _fields(cls: Any) -> tuple[str, ...]:
    """Return the names of a dataclass's or named tuple's fields; none for any other class."""
    return tuple(getattr(cls, "_fields", getattr(cls, "__dataclass_fields__", ())))


def _decode(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        (only,) = (argument for argument in arguments if argument is not type(None))
        return _decode(only, value, where)
    if origin is tuple:
        return _decode_tuple(arguments, value, where)
    if origin is dict:
        if not isinstance(value, dict):
            raise StrictError(f"{where} is {_kind(value)}, not an object")
        return {key: _decode(arguments[1], item, f"{where}.{shown(key)}") for key, item in value.items()}
    if hasattr(hint, "from_dict"):
        return hint.from_dict(value)
    if _fields(hint):
        return from_json(hint, value, where)
    return _decode_scalar(hint, value, where)


def _decode_tuple(arguments: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise StrictError(f"{where} is {_kind(value)}, not a list")
    hints = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else list(arguments)
    if len(hints) != len(value):
        raise StrictError(f"{where} has {len(value)} values, not {len(hints)}")
    return tuple(
        _decode(hint, item, f"{where}[{number}]") for number, (hint, item) in enumerate(zip(hints, value, strict=True))
    )


def _decode_scalar(hint: Any, value: Any, where: str) -> Any:
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        if not is_finite(value):
            raise StrictError(f"{where} is not a finite number")
        return float(value)
    if type(value) is not hint:
        raise StrictError(f"{where} is {_kind(value)}, not {_NAMES.get(hint, hint.__name__)}")
    if hint is int and not -MAX_INTEGER <= value < MAX_INTEGER:
        raise StrictError(f"{where} does not fit 64 bits")
    return value


def unique_fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object's fields, for `json.loads(object_pairs_hook=)`; raise `ValueError` if one is given twice."""
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a field is given twice")
    return value


def is_finite(value: float) -> bool:
    """Return whether a number is finite as a float: a whole number may be too large to be one."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def shown(name: str) -> str:
    """Return a name as a message may hold it: short and without control characters."""
    return name if name.isprintable() and len(name) <= 60 else reprlib.repr(name)


_NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return _NAMES.get(type(value), type(value).__name__)
