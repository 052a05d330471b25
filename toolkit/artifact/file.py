"""Model files that describe themselves: a .tflite or .onnx model that carries its card and its labels.

The formats are specified in ARTIFACT.md.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import ModuleType

from toolkit.artifact import tflite as tflite_file
from toolkit.artifact.card import Card
from toolkit.artifact.entries import Archive
from toolkit.errors import ArtifactError

TFLITE, ONNX = "tflite", "onnx"
FORMATS = (TFLITE, ONNX)
"""Names of the formats, and the suffixes of their files."""
_CHUNK = 1 << 20


def _onnx_file() -> ModuleType:
    """Return the module of the other format; a label from a TFLite file does not wait for its import."""
    from toolkit.artifact import onnx

    return onnx


def model_digest(model: bytes) -> str:
    """Return the SHA-256 hex digest of the bytes of a model proper."""
    return hashlib.sha256(model).hexdigest()


def append_card(model: bytes, card: Card) -> bytes:
    """Return `model` with its card and labels appended; equal input gives equal bytes.

    Raises
    ------
    ArtifactError
        If `model` is no TFLite or ONNX model, or is not the one that the card's digest names.
    """
    kind = _format(model[:8], "the converted model")
    if card.model_digest != model_digest(model):
        raise ArtifactError("the converted model: the card was written for other bytes (model_digest differs)")
    return tflite_file.append(model, card) if kind == TFLITE else _onnx_file().append(model, card)


def file_format(path: Path | str) -> str:
    """Return the format of a model file by its first bytes, "tflite" or "onnx".

    Raises
    ------
    ArtifactError
        If the file cannot be read, or is neither.
    """
    path = Path(path)
    if path.exists() and not (path.is_file() or path.is_dir()):  # a pipe would keep its reader waiting for ever
        raise ArtifactError(f"{path}: a pipe or device, not a model file: name a .tflite or .onnx file")
    try:
        with path.open("rb") as stream:
            return _format(stream.read(8), str(path))
    except IsADirectoryError:
        raise ArtifactError(f"{path}: a folder, not a model file: name a .tflite or .onnx file") from None
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({error.strerror or error})") from None


def model_files(folder: Path) -> list[Path]:
    """Return the model files in a folder, by name; none where there is no such folder."""
    return sorted(path for kind in FORMATS for path in folder.glob(f"*.{kind}") if not path.name.startswith("."))


def read_card(path: Path | str) -> Card:
    """Return the card of a model file.

    Raises
    ------
    ArtifactError
        If the file is missing, is no model file, was cut short, carries no card, or its card is malformed.
    """
    return read_archive(path).card


def read_archive(path: Path | str) -> Archive:
    """Return the card of a model file and the size of the model proper; raises as `read_card` does."""
    path = Path(path)
    read = tflite_file.read if file_format(path) == TFLITE else _onnx_file().read
    try:
        return read(path)
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({error.strerror or error})") from None


def verify_model(path: Path | str, archive: Archive) -> None:
    """Raise `ArtifactError` unless the model proper in `path` has the digest that its card gives.

    An engine trusts what it is given to read; this keeps damaged bytes away from it.
    """
    digest, left = hashlib.sha256(), archive.start
    with Path(path).open("rb") as stream:
        while left and (chunk := stream.read(min(left, _CHUNK))):
            digest.update(chunk)
            left -= len(chunk)
    if digest.hexdigest() != archive.card.model_digest:
        raise ArtifactError(f"{path}: damaged: the model is not the one its card describes; copy or export it again")


def _format(head: bytes, where: str) -> str:
    if tflite_file.is_tflite(head):
        return TFLITE
    if len(head) == 8 and _onnx_file().is_onnx(head):
        return ONNX
    reason = f"{len(head)} bytes long" if len(head) < 8 else "no TFL3 mark, no IR version"
    raise ArtifactError(
        f"{where}: neither a TFLite nor an ONNX model ({reason}); name a file made by `python -m export`"
    )
