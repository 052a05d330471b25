"""A TFLite model as C source: the model proper, its labels, and what a program needs to know of both, as constants."""

from __future__ import annotations

import re
from pathlib import Path

from toolkit.artifact.card import Card
from toolkit.artifact.card_sections import TensorCard
from toolkit.artifact.file import read_model
from toolkit.files import write_text

_PER_LINE = 16
_SOURCE = """\
/* {about} */
#include "{header}"

_Alignas(16) const unsigned char {name}_model[{upper}_MODEL_SIZE] = {{
{data}
}};

const char *const {name}_labels[{upper}_LABELS] = {{
{labels}
}};
"""
_HEADER = """\
/* {about} */
#ifndef {upper}_H
#define {upper}_H

#ifdef __cplusplus
extern "C" {{
#endif

/* The model, aligned to 16 bytes. */
#define {upper}_MODEL_SIZE {size}
extern const unsigned char {name}_model[{upper}_MODEL_SIZE];

/* The labels, UTF-8, in the order of the output. */
#define {upper}_LABELS {count}
extern const char *const {name}_labels[{upper}_LABELS];

{constants}

#ifdef __cplusplus
}}
#endif

#endif
"""


def write_c_array(path: Path) -> tuple[Path, Path]:
    """Write the model file `path` as `<stem>.c` and `<stem>.h` beside it, and return their paths.

    Equal models have equal sources. The archive with the card is left out: it takes flash that nothing reads.
    """
    model = read_model(path)
    name = identifier(path.stem)
    header, source = path.with_suffix(".h"), path.with_suffix(".c")
    about = f"{name}: {model.card.model}-{model.card.precision}, model_digest {model.card.model_digest},\n"
    about += "   written by `python -m export --format c-array`: do not edit."
    fields = {"about": about, "name": name, "upper": name.upper(), "header": header.name}
    proper = model.content[: model.start]
    labels = ",\n".join(f"    {c_text(label)}" for label in model.card.labels)
    constants = "\n".join(_constants(model.card, name.upper()))
    count = len(model.card.labels)
    write_text(header, _HEADER.format(**fields, size=len(proper), count=count, constants=constants))
    write_text(source, _SOURCE.format(**fields, data=_bytes(proper), labels=labels))
    return header, source


def identifier(stem: str) -> str:
    """Return a file's name as a name in C."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", stem).strip("_").lower()
    return name if name and not name[0].isdigit() else f"model_{name}"


def c_text(text: str) -> str:
    """Return a text as a literal of C; bytes that a compiler may read otherwise are octal."""
    plain = set(range(0x20, 0x7F)) - set(b'"\\?')
    return '"' + "".join(chr(code) if code in plain else f"\\{code:03o}" for code in text.encode()) + '"'


def _bytes(data: bytes) -> str:
    rows = (data[first : first + _PER_LINE] for first in range(0, len(data), _PER_LINE))
    return ",\n".join("    " + ",".join(f"0x{byte:02x}" for byte in row) for row in rows)


def _constants(card: Card, upper: str) -> list[str]:
    """Return lines that define what the card says of the input, the output and the windows."""
    spec = card.front_end
    lines = ["/* The input and the output: real value = scale * (stored value - zero point). */"]
    lines += _tensor(card.input, f"{upper}_INPUT") + _tensor(card.output, f"{upper}_OUTPUT")
    lines += [f"#define {upper}_TEMPERATURE {_float(card.temperature)}"]
    if card.multi_label:
        thresholds = ", ".join(_float(value) for value in card.thresholds)
        lines += [f"#define {upper}_THRESHOLDS {{{thresholds}}} /* several labels may apply, each from its own on */"]
    lines += [
        "",
        "/* Windows of sound, mono: full windows, and what comes from one to the next (0: as few as cover it). */",
    ]
    lines += [f"#define {upper}_SAMPLE_RATE {spec.sample_rate}"]
    lines += [f"#define {upper}_WINDOW_SAMPLES {spec.window_samples}"]
    lines += [f"#define {upper}_HOP_SAMPLES {round(spec.hop_seconds * spec.sample_rate)}"]
    lines += [
        "",
        f"/* What the input is: {card.input_level}. The front end, by the fields of the card's `front_end`. */",
    ]
    for field, value in spec.to_dict().items():
        shown = f'"{value}"' if isinstance(value, str) else _float(value) if isinstance(value, float) else value
        lines.append(f"#define {upper}_FRONT_END_{field.upper()} {shown}")
    return lines


def _tensor(tensor: TensorCard, prefix: str) -> list[str]:
    size = 1
    for side in tensor.shape:
        size *= side
    lines = [f'#define {prefix}_TYPE "{tensor.dtype}"', f"#define {prefix}_SIZE {size} /* {list(tensor.shape)} */"]
    if tensor.scale is not None:
        lines += [
            f"#define {prefix}_SCALE {_float(tensor.scale)}",
            f"#define {prefix}_ZERO_POINT ({tensor.zero_point})",
        ]
    return lines


def _float(value: float) -> str:
    return f"{float(value)!r}f"
