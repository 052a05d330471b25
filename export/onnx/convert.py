"""From a Keras model to the bytes of an ONNX model."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

from export.keras import forward
from export.onnx.hard_sigmoid import with_hard_sigmoid
from export.onnx.ordered_sets import ordered_sets
from export.tools import needed, tool
from toolkit.errors import ArtifactError

OUTPUT_NAME = "probability"
BATCH_NAME = "batch"
OPSET = 17
LARGE = 1 << 20
"""A dense layer's kernel with more values is kept out of the graph while that is converted."""
_KERNEL = "kernel_{}"


def to_onnx(model: Any, dynamic_batch: bool = False, name: str = "picture") -> bytes:
    """Convert a Keras model, opset 17, checked by `onnx.checker`.

    tf2onnx copies every constant several times, 14 GB for 58 million parameters: large kernels are inputs of
    the graph that it sees, and become constants again afterwards.

    Parameters
    ----------
    model
        float32 (n, ...) network inputs to float32 (n, classes).
    dynamic_batch
        Accept any number of inputs per call, instead of one.
    name
        Of the input.

    Raises `RunError` if tf2onnx or onnx is not installed, `ArtifactError` if they cannot make a valid model of it.
    """
    with needed("ONNX export needs tf2onnx and onnx"):
        import onnx
        import tf2onnx
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    call, signature, kernels = _outlined(model, None if dynamic_batch else 1, name)
    with tool("tf2onnx cannot convert the model"):
        with ordered_sets():
            converted, _ = tf2onnx.convert.from_function(call, input_signature=signature, opset=OPSET)
        with_hard_sigmoid(converted.graph)
        if kernels:  # checked before they are put back: the check copies the model
            onnx.checker.check_model(converted, full_check=True)
        small = not kernels
        _put_back(converted.graph, kernels)
        _rename(converted.graph, name)
        if dynamic_batch:
            _free_batch(converted.graph)
        if small:
            onnx.checker.check_model(converted, full_check=True)
    return bytes(converted.SerializeToString(deterministic=True))


def _outlined(model: Any, batch: int | None, name: str) -> tuple[Any, list[Any], dict[str, Any]]:
    """Return the model as a function of its input and its large kernels, its signature, and these by input name."""
    import tensorflow as tf
    import tf_keras

    large = {
        number: layer
        for number, layer in enumerate(model.layers if isinstance(model, tf_keras.Sequential) else ())
        if isinstance(layer, tf_keras.layers.Dense) and layer.kernel.shape.num_elements() > LARGE
    }
    if any(layer.activation is not tf_keras.activations.linear for layer in large.values()):
        raise ArtifactError("a large dense layer has an activation of its own, which ONNX export does not know")
    kernels = {_KERNEL.format(place): layer.kernel.numpy() for place, layer in enumerate(large.values())}

    @tf.function
    def call(value: Any, *outlined: Any) -> Any:
        return forward(model, value, dict(zip(large, outlined, strict=True)))

    signature = [tf.TensorSpec((batch, *model.input_shape[1:]), tf.float32, name=name)]
    signature += [tf.TensorSpec(kernel.shape, tf.float32, name=name) for name, kernel in kernels.items()]
    return call, signature, kernels


def _put_back(graph: Any, kernels: dict[str, Any]) -> None:
    """Make constants of the inputs that stand for large kernels."""
    from onnx import numpy_helper

    names = set(kernels)
    while kernels:  # each is dropped when it is copied: together they may be most of the memory
        name, kernel = kernels.popitem()
        graph.initializer.append(numpy_helper.from_array(kernel, name))
    kept = [value for value in graph.input if value.name not in names]
    del graph.input[:]
    graph.input.extend(kept)


def _free_batch(graph: Any) -> None:
    """Name the side of the input and the output that counts the inputs of a call."""
    for value in (graph.input[0], graph.output[0]):
        side = value.type.tensor_type.shape.dim[0]
        side.Clear()
        side.dim_param = BATCH_NAME


def _rename(graph: Any, input_name: str) -> None:
    """Name the input and output, and drop from all other names the numbers that tf2onnx counts through a process."""
    if len(graph.input) != 1 or len(graph.output) != 1:
        raise ValueError(f"it has {len(graph.input)} inputs and {len(graph.output)} outputs, not one of each")
    names = {graph.input[0].name: input_name, graph.output[0].name: OUTPUT_NAME, "": ""}
    taken = set(names.values())

    def short(name: str) -> str:
        if name not in names:
            stem = re.sub(r"(__\d+)+|:0$", "", name)
            number = 1
            while (candidate := stem if number == 1 else f"{stem}_{number}") in taken:
                number += 1
            names[name] = candidate
            taken.add(candidate)
        return names[name]

    _rename_all(graph, short)
    graph.name, graph.doc_string = "network", ""


def _rename_all(graph: Any, short: Callable[[str], str], prefix: str = "") -> None:
    """Rename the tensors of a graph, and of the bodies of its loops, which see the names outside; number its nodes."""
    for value in (*graph.input, *graph.output):
        value.name = short(value.name)
    for number, node in enumerate(graph.node):
        node.input[:] = [short(name) for name in node.input]
        node.output[:] = [short(name) for name in node.output]
        node.name = f"{prefix}{node.op_type}_{number}"
        for body in (attribute.g for attribute in node.attribute if attribute.HasField("g")):
            _rename_all(body, short, f"{node.name}/")
            body.name = node.name
    for tensor in graph.initializer:
        tensor.name = short(tensor.name)
    del graph.value_info[:]
