"""Where the time goes inside a model: the milliseconds of every layer with weights and of what follows it."""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.inputs import model_input
from runtime.lite import tensor_of
from runtime.tensors import first_line
from toolkit.artifact import ONNX, file_format, read_archive, verify_model
from toolkit.errors import EngineError, GtzanetError
from toolkit.latency import Plan, Task, measure
from toolkit.quiet import captured_stderr

HEADERS = ("model", "part", "operators", "weights", "ms", "share")
WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
ONNX_FLOAT = ("Conv", "FusedConv", "Gemm", "FusedGemm", "MatMul", "FusedMatMul")
ONNX_INTEGER = (
    *("ConvInteger", "QLinearConv", "QGemm", "MatMulInteger", "QLinearMatMul"),
    *("DynamicQuantizeMatMul", "MatMulIntegerToFloat"),
)
WARMUP = 2


@dataclass(frozen=True)
class Part:
    """A layer with weights and the operators up to the next one; what comes before the first belongs to the first.

    Attributes
    ----------
    name
        That of the layer's output in the model, up to the first `/` or `;`.
    operators
        Kinds of operators, in order.
    weights
        Type of the layer's weights; "8-bit" where an ONNX kernel takes such, of whichever sign.
    milliseconds
        Median over the rounds.
    """

    name: str
    operators: tuple[str, ...]
    weights: str
    milliseconds: float


def profile(path: Path, window: NDArray[np.float32], threads: int, plan: Plan) -> list[Part]:
    """Return the parts of a model file, in order.

    A TFLite model is cut after every part, and the pieces are timed in turns: a part's time is what its piece takes
    longer than the one before. An ONNX model is timed by ONNX Runtime's own profiler.

    Parameters
    ----------
    path
        A model file.
    window : ndarray of float32, shape (n,)
        The sound to ask about, one window at the front end's rate.
    threads
        Computing threads.
    plan
        How long to measure.

    Raises
    ------
    ArtifactError
        If the file is no model file, or is damaged.
    EngineError
        If the engine, or its description of models, is not installed, or the model does not run in it.
    """
    archive = read_archive(path)
    verify_model(path, archive)
    content = path.read_bytes()[: archive.start]
    batch = model_input(window, archive.card)[np.newaxis]
    timed = _profile_onnx if file_format(path) == ONNX else _profile_tflite
    try:
        with captured_stderr():
            return timed(content, batch, threads, plan)
    except GtzanetError:
        raise
    except Exception as error:  # the engines' own classes, without a common base
        raise EngineError(f"{path}: cannot be run layer by layer ({first_line(error)}): try another engine") from None


def cells(path: Path, parts: Sequence[Part]) -> list[tuple[str, ...]]:
    """Return rows of texts, one for each of `HEADERS`: the parts, and their sum."""
    total = sum(part.milliseconds for part in parts)
    rows = [
        (
            path.name,
            part.name,
            " ".join(part.operators),
            part.weights,
            f"{part.milliseconds:.2f}",
            f"{part.milliseconds / total:.0%}",
        )
        for part in parts
    ]
    return [*rows, (path.name, "all", "", "", f"{total:.2f}", "100%")]


def _profile_tflite(content: bytes, batch: NDArray[np.float32], threads: int, plan: Plan) -> list[Part]:
    try:
        from ai_edge_litert import schema_py_generated as schema
        from ai_edge_litert.interpreter import Interpreter
        from ai_edge_litert.tools import flatbuffer_utils
    except ImportError as error:
        raise EngineError(
            f"timing operators needs a newer LiteRT ({error}): run `pip install -U ai-edge-litert`"
        ) from None
    types = {number: name.lower() for name, number in vars(schema.TensorType).items() if isinstance(number, int)}
    kinds = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}

    def read() -> Any:
        return flatbuffer_utils.convert_bytearray_to_object(bytearray(content))

    tree = read()
    (graph,) = tree.subgraphs
    named = [kinds[tree.operatorCodes[operator.opcodeIndex].builtinCode] for operator in graph.operators]
    ranges = _ranges([kind in WEIGHTED for kind in named])
    tasks: dict[str, Task] = {}
    for _, stop in ranges:
        piece = bytes(flatbuffer_utils.convert_object_to_bytearray(_cut(read(), stop)))
        interpreter = Interpreter(model_content=piece, num_threads=threads)
        interpreter.allocate_tensors()
        source = interpreter.get_input_details()[0]
        interpreter.set_tensor(source["index"], tensor_of(source).stored(batch))
        tasks[str(stop)] = _invoking(interpreter)
    rounds = measure(tasks, plan)
    medians = np.array([[np.median(times) for times in rounds[name]] for name in tasks])
    alone = np.median(np.diff(medians, axis=0, prepend=0), axis=1) * 1e3
    return [
        _described(graph, named, types, start, stop, float(value))
        for (start, stop), value in zip(ranges, alone, strict=True)
    ]


def _described(
    graph: Any, named: Sequence[str], types: Mapping[int, str], start: int, stop: int, milliseconds: float
) -> Part:
    """Return the part of a TFLite model from one operator to another.

    float16 weights are made float32 by operators of their own, which run once, when the model is loaded.
    """
    made = {operator.outputs[0]: operator.inputs[0] for operator in graph.operators if len(operator.inputs) == 1}
    heavy = next((place for place in range(start, stop) if named[place] in WEIGHTED), stop - 1)
    operator = graph.operators[heavy]
    weights, named_by = "", graph.tensors[operator.outputs[0]]
    if len(operator.inputs) > 1:
        kernel = operator.inputs[1]
        named_by = graph.tensors[made.get(kernel, kernel)]
        weights = types[named_by.type]
    own = [(kind, types[graph.tensors[step.inputs[0]].type]) for kind, step in zip(named, graph.operators, strict=True)]
    shown = tuple(kind for kind, taken in own[start:stop] if taken != "float16")
    return Part(_short(named_by.name.decode()), shown, weights, milliseconds)


def _cut(tree: Any, stop: int) -> Any:
    """Cut a TFLite model after its first `stop` operators; data that only the others need go, too."""
    (graph,) = tree.subgraphs
    graph.operators = graph.operators[:stop]
    graph.outputs = np.asarray(graph.operators[-1].outputs[:1], np.int32)
    tree.signatureDefs, tree.metadata = [], []
    used = {int(number) for operator in graph.operators for number in (*operator.inputs, *operator.outputs)}
    kept = {graph.tensors[number].buffer for number in used if number >= 0}
    for number, buffer in enumerate(tree.buffers):
        if number not in kept:
            buffer.data = None
    for number, tensor in enumerate(graph.tensors):
        if number not in used:
            tensor.buffer = 0
    return tree


def _invoking(interpreter: Any) -> Task:
    return lambda number: interpreter.invoke()


def _profile_onnx(content: bytes, batch: NDArray[np.float32], threads: int, plan: Plan) -> list[Part]:
    try:
        import onnxruntime
    except ImportError as error:
        raise EngineError(f"timing operators needs ONNX Runtime ({error}): run `pip install onnxruntime`") from None
    with tempfile.TemporaryDirectory(prefix="gtzanet-edge-") as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.enable_profiling, options.profile_file_prefix = True, str(Path(folder) / "profile")
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        feed = {session.get_inputs()[0].name: batch}
        measure({"model": lambda number: session.run(None, feed)}, plan)
        events = json.loads(Path(session.end_profiling()).read_text())
    return _parts_of(events)


def _parts_of(events: Iterable[dict[str, Any]]) -> list[Part]:
    """Return the parts that ONNX Runtime's profile tells of; every run lists the nodes in the order they ran in."""
    times: defaultdict[str, list[float]] = defaultdict(list)
    kinds: dict[str, str] = {}
    for event in events:
        if event.get("cat") != "Node" or not event["name"].endswith("_kernel_time"):
            continue
        name, told = event["name"].removesuffix("_kernel_time"), event["args"]
        kinds[name] = told["op_name"]
        times[name].append(event["dur"] / 1e3)
    names = list(kinds)
    weighted = [kinds[name] in (*ONNX_FLOAT, *ONNX_INTEGER) for name in names]
    parts = []
    for start, stop in _ranges(weighted):
        group = names[start:stop]
        heavy = next((name for name in group if kinds[name] in (*ONNX_FLOAT, *ONNX_INTEGER)), group[-1])
        spent = sum(float(np.median(times[name][WARMUP:] or times[name])) for name in group)
        weights = "8-bit" if kinds[heavy] in ONNX_INTEGER else "float32"
        parts.append(Part(_short(heavy), tuple(kinds[name] for name in group), weights, spent))
    return parts


def _ranges(weighted: Sequence[bool]) -> list[tuple[int, int]]:
    """Return where each part starts and stops, given which operators have weights."""
    places = [place for place, heavy in enumerate(weighted) if heavy]
    starts = [0, *places[1:]]
    return list(zip(starts, [*starts[1:], len(weighted)], strict=True))


def _short(name: str) -> str:
    return name.partition(";")[0].partition("/")[0]
