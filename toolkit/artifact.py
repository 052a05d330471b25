"""Model files that describe themselves: a .tflite model, and labels.txt and card.json in a ZIP archive at its end.

The format is specified in ARTIFACT.md.
"""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.card import Card
from toolkit.errors import ArtifactError

CARD_NAME = "card.json"
LABELS_NAME = "labels.txt"
IDENTIFIER = b"TFL3"
MAX_ENTRY = 1 << 20
MAX_ENTRIES = 16
_EPOCH = (1980, 1, 1, 0, 0, 0)
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Archive:
    """What `read_archive` found: the card, and where the ZIP archive starts, which is the size of the model proper."""

    card: Card
    start: int


def model_digest(model: bytes) -> str:
    """Return the SHA-256 hex digest of the bytes of a model proper."""
    return hashlib.sha256(model).hexdigest()


def labels_text(labels: Sequence[str]) -> str:
    """Return labels.txt: a label a line, in the order of the output."""
    return "".join(f"{label}\n" for label in labels)


def append_card(model: bytes, card: Card) -> bytes:
    """Return `model` with its card and labels appended as a ZIP archive; equal input gives equal bytes.

    Raises
    ------
    ArtifactError
        If `model` is no TFLite model or is not the one that the card's digest names.
    """
    _check_identifier(model[:8], "the converted model")
    if card.model_digest != model_digest(model):
        raise ArtifactError("the converted model: the card was written for other bytes (model_digest differs)")
    stream = io.BytesIO()
    stream.write(model)
    # Opened at the end of the model, zipfile counts offsets from the start of the file, as other readers expect.
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, text in ((LABELS_NAME, labels_text(card.labels)), (CARD_NAME, card.to_json())):
            archive.writestr(_entry(name), text.encode("utf-8"))
    return stream.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.create_system = 3  # Unix, wherever it is written
    entry.external_attr = 0o644 << 16
    return entry


def read_card(path: Path | str) -> Card:
    """Return the card of a model file.

    Raises
    ------
    ArtifactError
        If the file is missing, is no .tflite file, was cut short, carries no card, or its card is malformed.
    """
    return read_archive(path).card


def read_archive(path: Path | str) -> Archive:
    """Return the card of a model file and the size of the model proper; raises as `read_card` does."""
    path = Path(path)
    try:
        with path.open("rb") as stream:
            _check_identifier(stream.read(8), str(path))
        with zipfile.ZipFile(path) as archive:
            return _read_entries(path, archive)
    except zipfile.BadZipFile:
        raise ArtifactError(
            f"{path}: carries no card: it was cut short, or not made by `python -m export`; export the model again"
        ) from None
    except IsADirectoryError:
        raise ArtifactError(f"{path}: a folder, not a model file: name a .tflite file") from None
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (NotImplementedError, RuntimeError, EOFError, ValueError, struct.error, zlib.error) as error:
        # Encryption, a compression that zipfile does not know, entries that are not what the directory says.
        raise ArtifactError(f"{path}: its ZIP archive cannot be read ({error}); export the model again") from None


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


def _check_identifier(head: bytes, where: str) -> None:
    if len(head) < 8:
        raise ArtifactError(
            f"{where}: not a TFLite model ({len(head)} bytes long); name a .tflite file made by `python -m export`"
        )
    if head[4:8] != IDENTIFIER:
        raise ArtifactError(
            f"{where}: not a TFLite model (no TFL3 mark); name a .tflite file made by `python -m export`"
        )


def _read_entries(path: Path, archive: zipfile.ZipFile) -> Archive:
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    if len(entries) > MAX_ENTRIES:
        raise ArtifactError(f"{path}: its ZIP archive has {len(entries)} entries, more than {MAX_ENTRIES}")
    for name in (CARD_NAME, LABELS_NAME):
        if names.count(name) != 1:
            raise ArtifactError(
                f"{path}: its ZIP archive has {names.count(name)} {name}, not one; export it with `python -m export`"
            )
    labels = _read_text(path, archive, LABELS_NAME)
    try:
        card = Card.from_json(_read_text(path, archive, CARD_NAME))
    except ArtifactError as error:
        raise ArtifactError(f"{path}: {error}") from None
    if labels != labels_text(card.labels):
        raise ArtifactError(f"{path}: {LABELS_NAME} and the card name different labels; export the model again")
    return Archive(card, min(entry.header_offset for entry in entries))


def _read_text(path: Path, archive: zipfile.ZipFile, name: str) -> str:
    if archive.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ArtifactError(f"{path}: {name} is compressed in a way that is not allowed; export the model again")
    if archive.getinfo(name).file_size > MAX_ENTRY:
        raise ArtifactError(f"{path}: {name} is larger than {MAX_ENTRY} bytes")
    with archive.open(name) as stream:
        data = stream.read(MAX_ENTRY + 1)
    if len(data) > MAX_ENTRY:
        raise ArtifactError(f"{path}: {name} is larger than {MAX_ENTRY} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise ArtifactError(f"{path}: {name} is not UTF-8 text") from None
