"""Models with nothing behind their front end."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from export.keras import load_tensorflow
from export.onnx import frontend as onnx_frontend
from export.tflite import frontend as tflite_frontend
from toolkit.frontend.spec import FrontEnd


@cache
def tflite_model(spec: FrontEnd, level: str) -> bytes:
    """Return a TFLite model that returns what its front end computes."""
    load_tensorflow()
    return tflite_frontend.to_tflite(spec, level)


@cache
def onnx_model(spec: FrontEnd, level: str) -> bytes:
    """Return an ONNX model that returns what its front end computes."""
    from onnx import TensorProto, helper

    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, *spec.shape)) for name in ("seen", "out")]
    graph = helper.make_graph([helper.make_node("Identity", ["seen"], ["out"])], "same", ends[:1], ends[1:])
    same = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return onnx_frontend.prepended(same.SerializeToString(), spec, level)


@cache
def front_end_model(format: str, spec: FrontEnd, level: str) -> Callable[[Any], Any]:
    """Return a function from samples or decibels to what such a model returns, of shape `spec.shape`."""
    if format == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(onnx_model(spec, level), providers=["CPUExecutionProvider"])
        return lambda value: session.run(None, {level: value[np.newaxis]})[0][0]
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=tflite_model(spec, level), num_threads=1)
    interpreter.allocate_tensors()

    def run(value: Any) -> Any:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], value[np.newaxis])
        interpreter.invoke()
        return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]

    return run
