"""Which layer of a refused model goes wrong first: its values beside those of the Keras model, layer by layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.inputs import Inputs, batch_of
from export.keras import weighted_layers
from export.tflite_tree import operators, unpacked
from export.weighted import ONNX_NODES, TFLITE_OPERATORS
from runtime.engines.litert import tensor_of
from toolkit.artifact.file import ONNX, file_format, read_archive
from toolkit.native_stderr import captured_stderr

INTEGER_NODES = ("ConvInteger", "MatMulInteger")
AFTER_INTEGER = ("Cast", "Mul", "Add")
NORMAL = {"float32": 1e-5, "float16": 2e-3}
NORMAL_INTEGER = 0.05
"""How far a sound layer may be from Keras: the length of the difference as a share of the values' length."""
JUMP = 3.0
"""A layer is wrong that is so many times farther off than is normal, and than the layer before it."""


def first_wrong_layer(path: Path, model: Any, value: Inputs, precision: str) -> str | None:
    """Return the name of the first Keras layer after which a model's values are wrong, None where none stands out.

    Both the file and the Keras model are run on `value`, a network input; `precision` is the file's.
    """
    batch = batch_of(value)
    content = path.read_bytes()[: read_archive(path).start]
    layers = weighted_layers(model)
    values = _onnx_values if file_format(path) == ONNX else _tflite_values
    try:
        with captured_stderr():
            keras_values, file_values = _keras_values(model, layers, batch), values(content, batch)
    except Exception:  # the model is broken, perhaps so that no engine runs it: it is refused all the same
        return None
    if len(file_values) != len(keras_values):
        return None
    distances = [_distance(ours, theirs) for ours, theirs in zip(file_values, keras_values, strict=True)]
    normal = NORMAL.get(precision, NORMAL_INTEGER)
    before = [normal, *(max(normal, distance) for distance in distances)]
    rows = zip(layers, distances, before, strict=False)
    return next((layer.name for layer, distance, least in rows if distance > JUMP * least), None)


def _distance(values: NDArray[np.float32], keras_values: NDArray[np.float32]) -> float:
    """Return how far values are from Keras', as a share; what a ReLU would drop does not count."""
    if not np.isfinite(values).all():
        return float("inf")
    ours, theirs = np.maximum(values.reshape(-1), 0), np.maximum(keras_values.reshape(-1), 0)
    length = float(np.linalg.norm(theirs))
    return float(np.linalg.norm(ours - theirs)) / length if length else float(bool(np.any(ours)))


def _keras_values(model: Any, layers: list[Any], batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    import tf_keras

    values = tf_keras.Model(model.input, [layer.output for layer in layers])(batch, training=False)
    return [np.asarray(value) for value in (values if isinstance(values, list) else [values])]


def _tflite_values(content: bytes, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Return the output of every operator with weights."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    outputs = [int(operator.outputs[0]) for kind, operator in operators(unpacked(content)) if kind in TFLITE_OPERATORS]
    interpreter = Interpreter(
        model_content=content,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]
    interpreter.set_tensor(source["index"], tensor_of(source).stored(batch))
    interpreter.invoke()
    details = {detail["index"]: detail for detail in interpreter.get_tensor_details()}
    return [tensor_of(details[number]).real(interpreter.get_tensor(number)) for number in outputs]


def _onnx_values(content: bytes, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Return the output of every node with weights, rows and columns before channels as in Keras.

    A dynamic node is several: behind it come those that scale its output and add the bias.
    """
    import onnx
    import onnxruntime

    model = onnx.load_from_string(content)
    constants = {tensor.name for tensor in model.graph.initializer}
    constants |= {
        name for node in model.graph.node if node.input and node.input[0] in constants for name in node.output
    }
    outputs: list[str] = []
    for node in model.graph.node:
        if node.op_type in INTEGER_NODES or (node.op_type in ONNX_NODES and node.input[1] in constants):
            outputs.append(node.output[0])
        elif node.op_type in AFTER_INTEGER and outputs and outputs[-1] in node.input:
            outputs[-1] = node.output[0]
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in outputs)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    values = session.run(outputs, {session.get_inputs()[0].name: batch})
    return [value.transpose(0, 2, 3, 1) if value.ndim == 4 else value for value in values]
