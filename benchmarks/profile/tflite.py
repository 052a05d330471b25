"""The parts of a TFLite model and their times: the model is cut after every part, and the pieces run in turns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.profile.layers import Segment, Step, marked, ranges, segment
from runtime.engines.litert import tensor_of
from toolkit.errors import EngineError
from toolkit.measure.latency import Task, TimingPlan, measure

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
DELEGATE = "DELEGATE"


def profile_tflite(
    content: bytes, batch: NDArray[np.float32], threads: int, plan: TimingPlan, seconds: float = math.inf
) -> list[Segment]:
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
    pieces = ranges([kind in WEIGHTED for kind in named])
    tasks: dict[str, Task] = {}
    for _, stop in pieces:
        piece = bytes(flatbuffer_utils.convert_object_to_bytearray(_cut(read(), stop)))
        interpreter = Interpreter(model_content=piece, num_threads=threads)
        interpreter.allocate_tensors()
        source = interpreter.get_input_details()[0]
        interpreter.set_tensor(source["index"], tensor_of(source).stored(batch))
        tasks[str(stop)] = _invoking(interpreter)
    outside = _outside(interpreter, len(named))
    steps = [_step(graph, kind, types, place, place in outside) for place, kind in enumerate(named)]
    rounds = measure(tasks, replace(plan, min_seconds=min(plan.min_seconds, seconds / len(tasks))))
    medians = np.array([[np.median(times) for times in rounds[name]] for name in tasks])
    alone = np.median(np.diff(medians, axis=0, prepend=0), axis=1) * 1e3
    parts = zip(pieces, alone, strict=True)
    return marked([_described(graph, steps[start:stop], types, float(time), start) for (start, stop), time in parts])


def _outside(interpreter: Any, count: int) -> frozenset[int]:
    """Return which of the first `count` operators no delegate covers, as the interpreter describes the whole model.

    It lists the delegate's own operators behind the model's: what one of them covers is what its outputs need and its
    inputs do not hold.
    """
    steps = interpreter._get_ops_details()
    producers = {int(number): place for place, step in enumerate(steps[:count]) for number in step["outputs"]}
    covered: set[int] = set()
    for step in steps[count:]:
        if step["op_name"] != DELEGATE:
            continue
        inputs, needed = set(map(int, step["inputs"])), [int(number) for number in step["outputs"]]
        while needed:
            place = producers.get(needed.pop())
            if place is not None and place not in covered:
                covered.add(place)
                needed += [int(number) for number in steps[place]["inputs"] if int(number) not in inputs]
    return frozenset(range(count)) - covered


def _described(graph: Any, steps: Sequence[Step], types: Mapping[int, str], milliseconds: float, start: int) -> Segment:
    """Return the part of a TFLite model that is made of the operators `steps`, of which `start` is the first's number.

    float16 weights are made float32 by operators of their own, which run once, when the model is loaded.
    """
    sources = {operator.outputs[0]: operator.inputs[0] for operator in graph.operators if len(operator.inputs) == 1}
    heavy = next((place for place, step in enumerate(steps) if step.kind in WEIGHTED), len(steps) - 1)
    operator = graph.operators[start + heavy]
    weights, named_by = "", graph.tensors[operator.outputs[0]]
    if len(operator.inputs) > 1:
        kernel = operator.inputs[1]
        named_by = graph.tensors[sources.get(kernel, kernel)]
        weights = types[named_by.type]
    running = [step for step in steps if step.input_type != "float16"]
    return segment(named_by.name.decode(), running, weights, milliseconds)


def _step(graph: Any, kind: str, types: Mapping[int, str], place: int, outside: bool) -> Step:
    inputs = graph.operators[place].inputs
    kernel = types[graph.tensors[inputs[1]].type] if kind in WEIGHTED else ""
    weights = "8-bit" if kernel in ("int8", "uint8") else kernel
    return Step(kind, types[graph.tensors[inputs[0]].type], weights, outside)


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
