"""The front end as an ONNX graph: what `toolkit.frontend.picture.render` does, with ONNX's own STFT."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from export.front_end_rules import check_front_end, picture_margins
from export.onnx.quantize import checked
from export.tools import tool
from toolkit.artifact.card import input_shape
from toolkit.frontend.mel import filter_bank
from toolkit.frontend.picture import drawing, shown_bands, shown_frames
from toolkit.frontend.spec import FrontEnd
from toolkit.frontend.spectrogram import frame_window

PREFIX = "front_end/"


def prepended(network: bytes, spec: FrontEnd, level: str) -> bytes:
    """Return an ONNX model that renders a mel spectrogram or a waveform and runs a network on the picture.

    The network's input is one picture; each of its nodes stays as it is. `level` is "mel" or "waveform". Raises
    `UsageError` where the front end cannot be part of a model, `ArtifactError` where it does not fit the network.
    """
    import onnx
    from onnx import TensorProto, compose, helper

    check_front_end(spec, level)
    network_model = onnx.load_from_string(network)
    graph = _Graph()
    picture = (_from_waveform if level == "waveform" else _from_mel)(graph, level, spec)
    source = helper.make_tensor_value_info(level, TensorProto.FLOAT, input_shape(spec, level))
    target = helper.make_tensor_value_info(picture, TensorProto.FLOAT, input_shape(spec, "picture"))
    front_graph = helper.make_graph(graph.nodes, "front_end", [source], [target], graph.constants)
    opsets, ir_version = list(network_model.opset_import), network_model.ir_version
    front = helper.make_model(front_graph, opset_imports=opsets, ir_version=ir_version)
    name = network_model.graph.name
    with tool("the front end does not fit the ONNX model"):
        joined = compose.merge_models(
            front, network_model, io_map=[(picture, network_model.graph.input[0].name)], name=name
        )
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
    loudest, quietest = (graph.add(kind, power, axes=[0, 1], keepdims=1) for kind in ("ReduceMax", "ReduceMin"))
    peak = _level(graph, loudest, spec)
    floor = graph.constant(-spec.top_db)
    low = graph.add("Max", graph.add("Sub", _level(graph, quietest, spec), peak), floor)
    columns = graph.constant(shown_frames(spec.fixed_frames), np.int64)
    shown = _level(graph, graph.add("Gather", power, columns, axis=0), spec)
    db = graph.add("Max", graph.add("Sub", shown, peak), floor)
    return _rendered(graph, db, low, graph.constant([[0.0]]), spec)


def _from_mel(graph: _Graph, db: str, spec: FrontEnd) -> str:
    """Add what `export.tflite.frontend.from_mel` computes."""
    cells = graph.add("Transpose", graph.add("Squeeze", db, graph.constant([0], np.int64)), perm=[1, 0])
    low, high = (graph.add(kind, cells, axes=[0, 1], keepdims=1) for kind in ("ReduceMin", "ReduceMax"))
    columns = graph.constant(shown_frames(spec.fixed_frames), np.int64)
    return _rendered(graph, graph.add("Gather", cells, columns, axis=0), low, high, spec)


def _mel_power(graph: _Graph, samples: str, spec: FrontEnd) -> str:
    half = spec.n_fft // 2
    mode = "reflect" if spec.padding == "reflect" else "constant"
    padded = graph.add("Pad", samples, graph.constant([0, half, 0, half], np.int64), mode=mode)
    window = graph.constant(frame_window(spec))
    sound = graph.add("Unsqueeze", padded, graph.constant([2], np.int64))
    step = graph.constant(spec.hop_length, np.int64)
    spectrum = graph.add("STFT", sound, step, window, graph.constant(spec.n_fft, np.int64), onesided=1)
    whole = graph.add("Squeeze", spectrum, graph.constant([0], np.int64))
    power = graph.add("ReduceSumSquare", whole, axes=[2], keepdims=0)
    return graph.add("MatMul", power, graph.constant(filter_bank(spec).T))


def _level(graph: _Graph, power: str, spec: FrontEnd) -> str:
    squared = graph.add("Max", graph.add("Mul", power, power), graph.constant(spec.amin**2))
    return graph.add("Mul", graph.add("Log", squared), graph.constant(10 / np.log(10)))


def _rendered(graph: _Graph, db: str, low: str, high: str, spec: FrontEnd) -> str:
    from onnx import TensorProto

    places, colours = drawing()
    spread = graph.add("Sub", high, low)
    positive = graph.add("Greater", spread, graph.constant(0.0))
    divisor = graph.add("Where", positive, spread, graph.constant(1.0))
    share = graph.add("Div", graph.add("Sub", db, low), divisor)
    scaled = graph.add("Min", graph.add("Mul", share, graph.constant(256.0)), graph.constant(255.0))
    bands = graph.constant(shown_bands(spec.n_mels), np.int64)
    index = graph.add("Cast", graph.add("Gather", scaled, bands, axis=1), to=TensorProto.INT32)
    box = graph.add("Transpose", index, perm=[1, 0])
    (top, bottom), (left, right) = picture_margins()
    padded = graph.add("Pad", box, graph.constant([top, left, bottom, right], np.int64))
    picture = graph.add("Gather", graph.constant(colours), graph.add("Add", padded, graph.constant(places, np.int32)))
    return graph.add("Unsqueeze", picture, graph.constant([0], np.int64))
