"""How a network's input lies beside what the front end computes: which of its axes are bands, frames or samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from toolkit.artifact.card import feature_level, input_shape
from toolkit.errors import UsageError
from toolkit.frontend.spec import FrontEnd

AXES = ("bands,frames,1", "bands,frames", "frames,bands", "frames,bands,1", "rows,columns,3", "samples", "samples,1")
"""What `--axes` accepts: a network's axes behind that of the batch."""


def level_of(axes: str, spec: FrontEnd) -> str:
    """Return the input level of a network with these axes."""
    return "waveform" if axes.startswith("samples") else feature_level(spec)


def shape_of(axes: str, spec: FrontEnd) -> tuple[int, ...] | None:
    """Return the shape of a network's input with these axes, behind the batch; None where there is no such input."""
    rows, columns, channels = spec.shape
    (samples,) = input_shape(spec, "waveform")[1:]
    sizes = {"samples": samples, "1": 1}
    if channels == 3:
        sizes |= {"rows": rows, "columns": columns, "3": 3}
    else:
        sizes |= {"bands": rows, "frames": columns}
    names = axes.split(",")
    return tuple(sizes[name] for name in names) if set(names) <= set(sizes) else None


def infer(path: object, shape: Sequence[int | None], spec: FrontEnd, axes: str | None) -> str:
    """Return the axes of a network's input of this shape, behind the batch; None in it is any length.

    `axes` are those of `--axes`, which must fit, too. Raises `UsageError` if none fit, or several.
    """
    shapes = {name: shape_of(name, spec) for name in ([axes] if axes else AXES)}
    fitting = [
        name
        for name, sizes in shapes.items()
        if sizes is not None
        and len(sizes) == len(shape)
        and all(a in (None, b) for a, b in zip(shape, sizes, strict=True))
    ]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise UsageError(f"{path}: its input {_text(shape)} may be {' or '.join(fitting)}: choose with --axes")
    (samples,) = input_shape(spec, "waveform")[1:]
    raise UsageError(
        f"{path}: its input is {_text(shape)}, but the front end computes {_text(spec.shape)} of {samples} "
        f"samples{f', with the axes {axes}' if axes else ''}: use another --front-end, --window or --axes"
    )


def arranged(value: Any, axes: str, spec: FrontEnd) -> Any:
    """Return inputs in the front end's own order, a tensor (n, ...), in the order of a network's axes."""
    import tensorflow as tf

    sizes = shape_of(axes, spec)
    assert sizes is not None  # `infer` returned these axes
    if axes.startswith("frames"):
        value = tf.transpose(value, (0, 2, 1, 3))
    return value if tuple(value.shape[1:]) == sizes else tf.reshape(value, (-1, *sizes))


def _text(shape: Sequence[int | None]) -> str:
    return " x ".join("any" if size is None else str(size) for size in shape)
