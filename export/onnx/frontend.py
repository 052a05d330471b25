"""The front end as an ONNX graph: what `toolkit.frontend.features` computes, with ONNX's own STFT."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from export.front_end_rules import (
    DECIBELS,
    check_front_end,
    mirror,
    padding,
    picture_margins,
    reflects,
    shown_columns,
)
from export.onnx.quantize import checked
from export.tools import tool
from toolkit.artifact.card import input_shape
from toolkit.frontend.grid import LEAST_DEVIATION, NO_DEVIATION
from toolkit.frontend.mel import filter_bank
from toolkit.frontend.picture import drawing, shown_bands
from toolkit.frontend.spec import FrontEnd
from toolkit.frontend.spectrogram import frame_window

PREFIX = "front_end/"


def prepended(network: bytes, spec: FrontEnd, level: str) -> bytes:
    """Return an ONNX model that computes a network's input from a mel spectrogram or a waveform, and runs it.

    The network has one input, of shape (1, *spec.shape); each of its nodes stays as it is. `level` is "mel" or
    "waveform". Raises `UsageError` where the front end cannot be part of a model, `ArtifactError` where it does not fit
    the network.
    """
    import onnx
    from onnx import TensorProto, compose, helper

    check_front_end(spec, level)
    network_model = onnx.load_from_string(network)
    graph = _Graph()
    features = (_from_waveform if level == "waveform" else _from_mel)(graph, level, spec)
    source = helper.make_tensor_value_info(level, TensorProto.FLOAT, input_shape(spec, level))
    target = helper.make_tensor_value_info(features, TensorProto.FLOAT, (1, *spec.shape))
    front_graph = helper.make_graph(graph.nodes, "front_end", [source], [target], graph.constants)
    opsets, ir_version = list(network_model.opset_import), network_model.ir_version
    front = helper.make_model(front_graph, opset_imports=opsets, ir_version=ir_version)
    name = network_model.graph.name
    with tool("the front end does not fit the ONNX model"):
        io_map = [(features, network_model.graph.input[0].name)]
        joined = compose.merge_models(front, network_model, io_map=io_map, name=name)
        del joined.opset_import[:]  # it names both models' operator sets, which are the same
        joined.opset_import.extend(opsets)
        return checked(joined)


class _Graph:
    """Nodes and constants as they are added."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        from onnx import helper

        name = f"{PREFIX}{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def constant(self, value: ArrayLike, dtype: Any = np.float32) -> str:
        """Add a constant and return its name."""
        from onnx import numpy_helper

        name = f"{PREFIX}constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name


def _from_waveform(graph: _Graph, samples: str, spec: FrontEnd) -> str:
    """Add what `export.tflite.frontend.from_waveform` computes."""
    power = _mel_power(graph, samples, spec)
    if spec.layout == "grid":
        return _as_grid(graph, _normalised(graph, _logarithm(graph, power, spec), spec))
    loudest, quietest = (graph.add(kind, power, axes=[0, 1], keepdims=1) for kind in ("ReduceMax", "ReduceMin"))
    peak = _level(graph, loudest, spec)
    floor = graph.constant(-spec.top_db)
    low = graph.add("Max", graph.add("Sub", _level(graph, quietest, spec), peak), floor)
    columns = graph.constant(shown_columns(spec), np.int64)
    shown = _level(graph, graph.add("Gather", power, columns, axis=0), spec)
    db = graph.add("Max", graph.add("Sub", shown, peak), floor)
    return _coloured(graph, db, low, graph.constant([[0.0]]), spec)


def _from_mel(graph: _Graph, db: str, spec: FrontEnd) -> str:
    """Add what `export.tflite.frontend.from_mel` computes."""
    cells = graph.add("Transpose", graph.add("Squeeze", db, graph.constant([0], np.int64)), perm=[1, 0])
    low, high = (graph.add(kind, cells, axes=[0, 1], keepdims=1) for kind in ("ReduceMin", "ReduceMax"))
    columns = graph.constant(shown_columns(spec), np.int64)
    return _coloured(graph, graph.add("Gather", cells, columns, axis=0), low, high, spec)


def _padded(graph: _Graph, samples: str, spec: FrontEnd) -> str:
    """Add pre-emphasis and the padding of the sound's ends."""
    if spec.pre_emphasis:
        ends = {"next": (1, spec.fixed_samples), "last": (0, spec.fixed_samples - 1)}
        axis = graph.constant([1], np.int64)
        cut = {
            name: graph.add("Slice", samples, *(graph.constant([end], np.int64) for end in pair), axis)
            for name, pair in ends.items()
        }
        samples = graph.add("Sub", cut["next"], graph.add("Mul", cut["last"], graph.constant(spec.pre_emphasis)))
    if (places := mirror(spec)) is not None:
        return graph.add("Gather", samples, graph.constant(places, np.int64), axis=1)
    before, after = padding(spec)
    mode = "reflect" if reflects(spec) else "constant"
    return graph.add("Pad", samples, graph.constant([0, before, 0, after], np.int64), mode=mode)


def _mel_power(graph: _Graph, samples: str, spec: FrontEnd) -> str:
    """Add the mel bands, (frames, n_mels), of samples, (1, n)."""
    padded = _padded(graph, samples, spec)
    window = graph.constant(frame_window(spec))
    sound = graph.add("Unsqueeze", padded, graph.constant([2], np.int64))
    step = graph.constant(spec.hop_length, np.int64)
    spectrum = graph.add("STFT", sound, step, window, graph.constant(spec.n_fft, np.int64), onesided=1)
    whole = graph.add("Squeeze", spectrum, graph.constant([0], np.int64))
    power = graph.add("ReduceSumSquare" if spec.exponent == 2 else "ReduceL2", whole, axes=[2], keepdims=0)
    return graph.add("MatMul", power, graph.constant(filter_bank(spec).T))


def _level(graph: _Graph, power: str, spec: FrontEnd) -> str:
    """Add what `export.tflite.frontend._level` computes."""
    if spec.log == "db":
        audible = graph.add("Max", power, graph.constant(spec.amin))
        return graph.add("Mul", graph.add("Log", audible), graph.constant(DECIBELS))
    squared = graph.add("Max", graph.add("Mul", power, power), graph.constant(spec.amin**2))
    return graph.add("Mul", graph.add("Log", squared), graph.constant(DECIBELS))


def _logarithm(graph: _Graph, power: str, spec: FrontEnd) -> str:
    if spec.log == "none":
        return power
    if spec.log == "ln":
        return graph.add("Log", graph.add("Add", power, graph.constant(spec.log_offset)))
    level = _level(graph, power, spec)
    loudest = graph.add("ReduceMax", level, axes=[0, 1], keepdims=1)
    floor = graph.constant(-spec.top_db)
    if spec.reference == "max":
        return graph.add("Max", graph.add("Sub", level, loudest), floor)
    return graph.add("Max", level, graph.add("Add", loudest, floor))


def _normalised(graph: _Graph, values: str, spec: FrontEnd) -> str:
    """Add what `export.tflite.frontend._normalised` computes."""
    if spec.normalise == "affine":
        shifted = graph.add("Add", values, graph.constant(spec.shift))
        return graph.add("Mul", shifted, graph.constant(spec.scale))
    if spec.normalise == "none":
        return values
    largest = graph.add("ReduceMax", graph.add("Abs", values), axes=[0, 1], keepdims=1)
    least = graph.add("Mul", largest, graph.constant(LEAST_DEVIATION))
    values = graph.add("Sub", values, graph.add("ReduceMax", values, axes=[0, 1], keepdims=1))
    values = graph.add("Sub", values, _mean(graph, values))
    deviation = graph.add("Sqrt", _mean(graph, graph.add("Mul", values, values)))
    return graph.add("Div", values, graph.add("Max", deviation, least, graph.constant(NO_DEVIATION)))


def _mean(graph: _Graph, values: str) -> str:
    rows = graph.add("ReduceMean", values, axes=[1], keepdims=1)
    return graph.add("ReduceMean", rows, axes=[0], keepdims=1)


def _as_grid(graph: _Graph, values: str) -> str:
    """Add the layout (1, n_mels, columns, 1) of values, (columns, n_mels)."""
    return graph.add("Unsqueeze", graph.add("Transpose", values, perm=[1, 0]), graph.constant([0, 3], np.int64))


def _coloured(graph: _Graph, db: str, low: str, high: str, spec: FrontEnd) -> str:
    from onnx import TensorProto

    spread = graph.add("Sub", high, low)
    positive = graph.add("Greater", spread, graph.constant(0.0))
    divisor = graph.add("Where", positive, spread, graph.constant(1.0))
    share = graph.add("Div", graph.add("Sub", db, low), divisor)
    scaled = graph.add("Min", graph.add("Mul", share, graph.constant(256.0)), graph.constant(255.0))
    if spec.layout == "cells":  # a cast, like the toolkit's, where rounding leaves a value just below 0
        cells = graph.add("Cast", graph.add("Cast", scaled, to=TensorProto.INT32), to=TensorProto.FLOAT)
        return _as_grid(graph, cells)
    places, colours = drawing()
    bands = graph.constant(shown_bands(spec.n_mels), np.int64)
    index = graph.add("Cast", graph.add("Gather", scaled, bands, axis=1), to=TensorProto.INT32)
    box = graph.add("Transpose", index, perm=[1, 0])
    (top, bottom), (left, right) = picture_margins()
    padded = graph.add("Pad", box, graph.constant([top, left, bottom, right], np.int64))
    picture = graph.add("Gather", graph.constant(colours), graph.add("Add", padded, graph.constant(places, np.int32)))
    return graph.add("Unsqueeze", picture, graph.constant([0], np.int64))
