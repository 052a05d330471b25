"""TFLite models in a TensorFlow Lite interpreter; ai-edge-litert and tflite-runtime share one interface."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.engines.base import Tensor, TensorEngine, check_single
from toolkit.artifact.file import Model
from toolkit.error_text import first_line
from toolkit.errors import EngineError
from toolkit.native_stderr import without_remark

_ANNOUNCEMENT = "INFO: Created TensorFlow Lite XNNPACK delegate for CPU."


class LiteEngine(TensorEngine):
    """A .tflite model that is loaded and ready to run."""

    def __init__(self, name: str, module: Any, path: Path, model: Model, threads: int) -> None:
        """Load `model`, read from `path`, with the interpreter of `module`; the errors are those of `open_engine`."""
        try:
            with without_remark(_ANNOUNCEMENT):
                self._interpreter = module.Interpreter(model_content=model.content, num_threads=threads)
                self._interpreter.allocate_tensors()
            inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        except (ValueError, RuntimeError) as error:
            raise EngineError(
                f"{path}: {name} cannot load this model ({first_line(error)}): try another version of it"
            ) from None
        source = check_single(inputs, path, "input")
        target = check_single(outputs, path, "output")
        self._from, self._to = source["index"], target["index"]
        super().__init__(name, threads, model.card, tensor_of(source), tensor_of(target), path)

    def _infer(self, stored: NDArray[Any]) -> NDArray[Any]:
        self._interpreter.set_tensor(self._from, stored)
        self._interpreter.invoke()
        return np.asarray(self._interpreter.get_tensor(self._to))


def tensor_of(detail: dict[str, Any]) -> Tensor:
    """Return a tensor as the interpreter describes it."""
    scale, zero_point = detail["quantization"]
    return Tensor(tuple(map(int, detail["shape"])), np.dtype(detail["dtype"]), float(scale), int(zero_point))
