"""ONNX models in ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.tensors import Tensor, check_batch, check_single, first_line
from toolkit.card import Card
from toolkit.errors import ArtifactError, EngineError

_DTYPES = {"tensor(float)": "float32", "tensor(int8)": "int8", "tensor(uint8)": "uint8"}
_ERRORS = 3


class OrtEngine:
    """An .onnx model that is loaded and ready to run."""

    def __init__(self, name: str, module: Any, path: Path, card: Card, threads: int) -> None:
        """Load the model in `path` with the package `module`; the errors are those of `open_engine`."""
        self.name = name
        self.threads = threads
        self.card = card
        options = module.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _ERRORS
        # Threads that wait in a loop for work would take the processor from everything else on a small machine.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        try:
            self._session = module.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's own classes, which have no common base of their own
            raise EngineError(
                f"{path}: {name} cannot load this model ({first_line(error)}): try another version of it"
            ) from None
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        for found, role in ((inputs, "input"), (outputs, "output")):
            check_single(len(found), path, role)
        self._from, self._to = inputs[0].name, outputs[0].name
        self._input, self._output = _tensor(inputs[0], path), _tensor(outputs[0], path)
        self._input.check(card.input, path, "input")
        self._output.check(card.output, path, "output")

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return scores, float32 (n, classes), for a batch float32 (n, 288, 432, 3) of pixel values 0..255.

        Raises
        ------
        EngineError
            If the batch has another shape, or ONNX Runtime fails.
        """
        batch = check_batch(batch, self._input.shape)
        scores = np.empty((len(batch), self._output.shape[1]), np.float32)
        try:
            for number in range(len(batch)):
                stored = self._input.stored(batch[number : number + 1])
                scores[number] = self._output.real(self._session.run([self._to], {self._from: stored})[0])[0]
        except Exception as error:
            raise EngineError(f"{self.name} failed on a picture ({first_line(error)})") from None
        return scores


def _tensor(found: Any, path: Path) -> Tensor:
    """Return an input or output of a session; an integer one's scale is not in an ONNX file, so there is none."""
    if found.type not in _DTYPES or not all(isinstance(side, int) for side in found.shape):
        raise ArtifactError(
            f"{path}: {found.name} is {found.type} {found.shape}; it must have one known shape and be "
            "float32, int8 or uint8: export it with `python -m export`"
        )
    return Tensor(tuple(found.shape), np.dtype(_DTYPES[found.type]))
