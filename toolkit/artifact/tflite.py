"""TFLite model files: the card and the labels in a ZIP archive at the end, as the TFLite Metadata standard says."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

from toolkit.artifact.card import Card
from toolkit.artifact.entries import CARD_NAME, LABELS_NAME, MAX_ENTRY, Archive, check_names, decode, parse, texts
from toolkit.errors import ArtifactError

_EPOCH = (1980, 1, 1, 0, 0, 0)


def is_tflite(head: bytes) -> bool:
    """Return whether a file that starts with these 8 bytes is a TFLite model."""
    return head[4:8] == b"TFL3"


def append(model: bytes, card: Card) -> bytes:
    """Return `model` with the texts of `card` appended."""
    stream = io.BytesIO()
    stream.write(model)
    # Opened at the end of the model, zipfile counts offsets from the start of the file, as other readers expect.
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, text in texts(card):
            archive.writestr(_entry(name), text.encode("utf-8"))
    return stream.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.create_system = 3  # Unix, wherever it is written
    entry.external_attr = 0o644 << 16
    return entry


def read(path: Path, stream: BinaryIO) -> Archive:
    """Return what is in the TFLite model file `stream`; raise `ArtifactError`, which names `path`."""
    try:
        with zipfile.ZipFile(stream) as archive:
            entries = archive.infolist()
            check_names(path, [entry.filename for entry in entries], "ZIP archive")
            labels, card = (_read_text(path, archive, name) for name in (LABELS_NAME, CARD_NAME))
            return parse(path, labels, card, min(entry.header_offset for entry in entries))
    except zipfile.BadZipFile as error:
        if str(error).startswith("Bad CRC-32"):
            raise ArtifactError(
                f"{path}: damaged: its labels or its card were changed; copy or export it again"
            ) from None
        raise ArtifactError(
            f"{path}: carries no card: it was cut short, something was added to its end, or it was not made by "
            "`python -m export`; export the model again, or give it a card with `python -m toolkit attach`"
        ) from None
    except (NotImplementedError, RuntimeError, EOFError, ValueError, struct.error, zlib.error) as error:
        # Encryption, a compression that zipfile does not know, entries that are not what the directory says.
        raise ArtifactError(f"{path}: its ZIP archive cannot be read ({error}); export the model again") from None


def _read_text(path: Path, archive: zipfile.ZipFile, name: str) -> str:
    if archive.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ArtifactError(f"{path}: {name} is compressed in a way that is not allowed; export the model again")
    if archive.getinfo(name).file_size > MAX_ENTRY:
        raise ArtifactError(f"{path}: {name} is larger than {MAX_ENTRY} bytes")
    with archive.open(name) as stream:
        return decode(path, name, stream.read(MAX_ENTRY + 1))
