"""TFLite models in a TensorFlow Lite interpreter; ai-edge-litert and tflite-runtime share one interface."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.tensors import Tensor, check_batch, check_single, first_line
from toolkit.card import Card
from toolkit.errors import EngineError


class LiteEngine:
    """A .tflite model that is loaded and ready to run."""

    def __init__(self, name: str, module: Any, path: Path, card: Card, threads: int) -> None:
        """Load the model in `path` with the interpreter of `module`; the errors are those of `open_engine`."""
        self.name = name
        self.threads = threads
        self.card = card
        try:
            self._interpreter = module.Interpreter(model_path=str(path), num_threads=threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise EngineError(
                f"{path}: {name} cannot load this model ({first_line(error)}): try another version of it"
            ) from None
        inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        for details, role in ((inputs, "input"), (outputs, "output")):
            check_single(len(details), path, role)
        self._from, self._to = inputs[0]["index"], outputs[0]["index"]
        self._input, self._output = _tensor(inputs[0]), _tensor(outputs[0])
        self._input.check(card.input, path, "input")
        self._output.check(card.output, path, "output")

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return scores, float32 (n, classes), for a batch float32 (n, 288, 432, 3) of pixel values 0..255.

        Raises
        ------
        EngineError
            If the batch has another shape, or the interpreter fails.
        """
        batch = check_batch(batch, self._input.shape)
        scores = np.empty((len(batch), self._output.shape[1]), np.float32)
        try:
            for number in range(len(batch)):
                self._interpreter.set_tensor(self._from, self._input.stored(batch[number : number + 1]))
                self._interpreter.invoke()
                scores[number] = self._output.real(self._interpreter.get_tensor(self._to))[0]
        except (ValueError, RuntimeError) as error:
            raise EngineError(f"{self.name} failed on a picture ({first_line(error)})") from None
        return scores


def _tensor(detail: dict[str, Any]) -> Tensor:
    scale, zero_point = detail["quantization"]
    return Tensor(tuple(map(int, detail["shape"])), np.dtype(detail["dtype"]), float(scale), int(zero_point))
