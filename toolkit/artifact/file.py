"""Model files that describe themselves: a .tflite or .onnx model that carries its card and its labels.

The formats are specified in ARTIFACT.md.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, NamedTuple, TypeVar

from toolkit.artifact import tflite as tflite_file
from toolkit.artifact.card import Card
from toolkit.artifact.entries import CARD_NAME, MAX_ENTRY, Archive
from toolkit.errors import ArtifactError

TFLITE, ONNX = "tflite", "onnx"
FORMATS = (TFLITE, ONNX)
"""Names of the formats, and the suffixes of their files."""
_HEAD = 8
_SMALL = 1 << 22
T = TypeVar("T")


class Model(NamedTuple):
    """A model file: its format, all its bytes, its card, and where the model proper ends in the bytes."""

    format: str
    content: bytes
    card: Card
    start: int


def _onnx_file() -> ModuleType:
    """Return the module of the other format; a label from a TFLite file does not wait for its import."""
    from toolkit.artifact import onnx

    return onnx


def model_digest(model: bytes | memoryview) -> str:
    """Return the SHA-256 hex digest of the bytes of a model proper."""
    digest: str = _sha256(len(model))(model).hexdigest()
    return digest


def _sha256(size: int) -> Callable[..., Any]:
    """Return a constructor of SHA-256: for a small model Python's own, as hashlib loads OpenSSL, 3.5 MB for 3 ms."""
    for name in ("_sha2", "_sha256") if size <= _SMALL else ():  # of Python 3.12, of 3.11
        with suppress(ImportError):
            return import_module(name).sha256  # type: ignore[no-any-return]
    return import_module("hashlib").sha256  # type: ignore[no-any-return]


def append_card(model: bytes, card: Card) -> bytes:
    """Return `model` with its card and labels appended; equal input has equal results.

    Raise `ArtifactError` if `model` is no TFLite or ONNX model, or is not the one that the card's digest names.
    """
    kind = _format(model[:_HEAD], "the converted model")
    if card.model_digest != model_digest(model):
        raise ArtifactError("the converted model: the card was written for other bytes (model_digest differs)")
    return tflite_file.append(model, card) if kind == TFLITE else _onnx_file().append(model, card)


def file_format(path: Path | str) -> str:
    """Return the format of a model file by its first bytes; raise `ArtifactError` if it has none, or cannot be read."""
    return _read(Path(path), lambda stream: _format(stream.read(_HEAD), str(path)))


def format_of(content: bytes, path: Path) -> str:
    """Return the format of a model file's bytes; raise `ArtifactError`, which names `path`, if it has none."""
    return _format(content[:_HEAD], str(path))


def bare_model(content: bytes, path: Path) -> bytes:
    """Return a model from elsewhere as a card may follow it: an ONNX model without the properties it has."""
    if format_of(content, path) == TFLITE:
        return content
    try:
        bare: bytes = _onnx_file().without_properties(content)
    except ArtifactError as error:
        raise ArtifactError(f"{path}: {error}: it was cut short or damaged; copy it again") from None
    return bare


def has_card(path: Path, content: bytes) -> bool:
    """Return whether a model file's bytes hold a card, whole or not; raise `ArtifactError` if it is no model."""
    format_of(content, path)
    return CARD_NAME.encode() in content[-2 * MAX_ENTRY :]


def model_files(folder: Path) -> list[Path]:
    """Return the model files in a folder, by name; none where there is no such folder."""
    return sorted(path for kind in FORMATS for path in folder.glob(f"*.{kind}") if not path.name.startswith("."))


def read_card(path: Path | str) -> Card:
    """Return the card of a model file.

    Raise `ArtifactError` if the file is missing, no model file, cut short, without a card, or its card is malformed.
    """
    return read_archive(path).card


def read_archive(path: Path | str) -> Archive:
    """Return the card of a model file and the size of the model proper; raises as `read_card` does."""
    return _read(Path(path), lambda stream: _archive(Path(path), stream))


def read_model(path: Path | str) -> Model:
    """Return a model file's bytes, whose model proper has the digest that is on their card.

    An engine trusts its input; this keeps damaged bytes away from it, and the file may change afterwards. Raise
    `ArtifactError` as `read_card`, or if the model proper is not the one that the card was written for.
    """
    path = Path(path)
    content = _read(path, lambda stream: _content(path, stream))
    card, start = _archive(path, io.BytesIO(content))
    if model_digest(memoryview(content)[:start]) != card.model_digest:
        raise ArtifactError(f"{path}: damaged: the model is not the one its card describes; copy or export it again")
    return Model(_format(content[:_HEAD], str(path)), content, card, start)


def _read(path: Path, reader: Callable[[BinaryIO], T]) -> T:
    """Return what `reader` returns for the open file; raise `ArtifactError` where it cannot be read."""
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):  # a pipe would keep its reader waiting for ever
            raise ArtifactError(f"{path}: a pipe or device, not a model file: name a .tflite or .onnx file")
        with path.open("rb") as stream:
            return reader(stream)
    except IsADirectoryError:
        raise ArtifactError(f"{path}: a folder, not a model file: name a .tflite or .onnx file") from None
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({error.strerror or error})") from None


def _content(path: Path, stream: BinaryIO) -> bytes:
    """Return the bytes of a model file; a large file of another kind is refused before it fills the memory."""
    head = stream.read(_HEAD)
    _format(head, str(path))
    stream.seek(0)
    return stream.read()


def _archive(path: Path, stream: BinaryIO) -> Archive:
    module = tflite_file if _format(stream.read(_HEAD), str(path)) == TFLITE else _onnx_file()
    archive: Archive = module.read(path, stream)
    return archive


def _format(head: bytes, where: str) -> str:
    if tflite_file.is_tflite(head):
        return TFLITE
    if len(head) == _HEAD and _onnx_file().is_onnx(head):
        return ONNX
    reason = f"{len(head)} bytes long" if len(head) < _HEAD else "no TFL3 mark, no IR version"
    raise ArtifactError(
        f"{where}: neither a TFLite nor an ONNX model ({reason}); name a file made by `python -m export`"
    )
