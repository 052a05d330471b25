"""The standard's own description inside a TFLite model: a buffer that Android and MediaPipe tools read.

Field numbers and enumeration values are those of the public schema `metadata_schema.fbs` (file identifier M001).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from export.tflite_tree import packed, schema, unpacked

NAME = "TFLITE_METADATA"
IDENTIFIER = b"M001"
PARSER_VERSION = "1.0.0"
RGB = 1
TENSOR_AXIS_LABELS = 2
FEATURE_PROPERTIES, IMAGE_PROPERTIES, AUDIO_PROPERTIES = 1, 2, 4
NORMALIZATION_OPTIONS = 1


@dataclass(frozen=True)
class Description:
    """The content of the metadata; sizes in pixels, the rate in hertz."""

    name: str
    text: str
    licence: str
    width: int
    height: int
    labels_file: str
    level: str = "picture"  # of the input: "picture", "grid", "mel" or "waveform"
    sample_rate: int = 22_050
    embedding: bool = False  # whether the output is one, rather than probabilities of labels


def describe(model: bytes, description: Description) -> bytes:
    """Return a TFLite model with metadata added, and all its data inside the flatbuffer, wherever they were."""
    tree = unpacked(model)
    buffer = schema().BufferT()
    buffer.data = list(encode(description))
    entry = schema().MetadataT()
    entry.name, entry.buffer = NAME, len(tree.buffers)
    tree.buffers.append(buffer)
    tree.metadata = [*(tree.metadata or []), entry]
    return packed(tree)


def encode(description: Description) -> bytes:
    """Return the metadata flatbuffer."""
    from flatbuffers import Builder

    writer = _Writer(Builder(1024))
    source = {"picture": _picture, "grid": _grid, "mel": _mel, "waveform": _waveform, "embedding": _embedding}[
        description.level
    ](writer, description)
    labels = writer.table({0: ("offset", writer.text(description.labels_file)), 2: ("Int8", TENSOR_AXIS_LABELS)})
    feature = writer.table({0: ("Uint8", FEATURE_PROPERTIES), 1: ("offset", writer.table({}))})
    target = writer.table(
        {
            0: ("offset", writer.text("probability")),
            1: ("offset", writer.text("probability of every label")),
            3: ("offset", feature),
            5: ("offset", _range(writer, 0, 1)),
            6: ("offset", writer.offsets([labels])),
        }
    )
    if description.embedding:
        target = _feature(writer, "embedding", "features of the sound, without bounds")
    graph = writer.table({2: ("offset", writer.offsets([source])), 3: ("offset", writer.offsets([target]))})
    root = writer.table(
        {
            0: ("offset", writer.text(description.name)),
            1: ("offset", writer.text(description.text)),
            3: ("offset", writer.offsets([graph])),
            5: ("offset", writer.text(description.licence)),
            7: ("offset", writer.text(PARSER_VERSION)),
        }
    )
    writer.builder.Finish(root, file_identifier=IDENTIFIER)
    return bytes(writer.builder.Output())


def _picture(writer: _Writer, description: Description) -> int:
    size = writer.table({0: ("Uint32", description.width), 1: ("Uint32", description.height)})
    image = writer.table({0: ("Int8", RGB), 1: ("offset", size)})
    picture = writer.table({0: ("Uint8", IMAGE_PROPERTIES), 1: ("offset", image)})
    # mean 0, deviation 1: the network's input is pixel values as they are.
    normalise = writer.table({0: ("offset", writer.floats([0.0])), 1: ("offset", writer.floats([1.0]))})
    unit = writer.table({0: ("Uint8", NORMALIZATION_OPTIONS), 1: ("offset", normalise)})
    return writer.table(
        {
            0: ("offset", writer.text("picture")),
            1: ("offset", writer.text("mel spectrogram drawn as a picture; RGB pixel values 0..255")),
            3: ("offset", picture),
            4: ("offset", writer.offsets([unit])),
            5: ("offset", _range(writer, 0, 255)),
        }
    )


def _grid(writer: _Writer, description: Description) -> int:
    return _feature(writer, "grid", "frequency bands, lowest first, by frames, as the front end on the card says")


def _mel(writer: _Writer, description: Description) -> int:
    return _feature(writer, "mel", "mel spectrogram, lowest band first; decibels below its maximum")


def _embedding(writer: _Writer, description: Description) -> int:
    return _feature(writer, "embedding", "features that the backbone computes")


def _feature(writer: _Writer, name: str, text: str) -> int:
    feature = writer.table({0: ("Uint8", FEATURE_PROPERTIES), 1: ("offset", writer.table({}))})
    return writer.table({0: ("offset", writer.text(name)), 1: ("offset", writer.text(text)), 3: ("offset", feature)})


def _waveform(writer: _Writer, description: Description) -> int:
    audio = writer.table({0: ("Uint32", description.sample_rate), 1: ("Uint32", 1)})
    properties = writer.table({0: ("Uint8", AUDIO_PROPERTIES), 1: ("offset", audio)})
    return writer.table(
        {
            0: ("offset", writer.text("waveform")),
            1: ("offset", writer.text("samples of one channel, full scale 1")),
            3: ("offset", properties),
            5: ("offset", _range(writer, -1, 1)),
        }
    )


def _range(writer: _Writer, low: float, high: float) -> int:
    """Return statistics of a tensor: its largest and smallest value."""
    return writer.table({0: ("offset", writer.floats([high])), 1: ("offset", writer.floats([low]))})


class _Writer:
    """Writes tables by field number: the part of a flatbuffer compiler that is needed here."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder

    def text(self, value: str) -> int:
        return int(self.builder.CreateString(value))

    def floats(self, values: Sequence[float]) -> int:
        self.builder.StartVector(4, len(values), 4)
        for value in reversed(values):
            self.builder.PrependFloat32(value)
        return int(self.builder.EndVector())

    def offsets(self, values: Sequence[int]) -> int:
        self.builder.StartVector(4, len(values), 4)
        for value in reversed(values):
            self.builder.PrependUOffsetTRelative(value)
        return int(self.builder.EndVector())

    def table(self, fields: dict[int, tuple[str, Any]]) -> int:
        self.builder.StartObject(max(fields, default=-1) + 1)
        for slot, (kind, value) in fields.items():
            if kind == "offset":
                self.builder.PrependUOffsetTRelativeSlot(slot, value, 0)
            else:
                getattr(self.builder, f"Prepend{kind}Slot")(slot, value, 0)
        return int(self.builder.EndObject())
