"""ONNX models in ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.engines.base import Tensor, TensorEngine, check_single
from toolkit.artifact.file import Model
from toolkit.error_text import first_line
from toolkit.errors import ArtifactError, EngineError

_DTYPES = {"tensor(float)": "float32", "tensor(int8)": "int8", "tensor(uint8)": "uint8"}
_ERRORS = 3


class OrtEngine(TensorEngine):
    """An .onnx model that is loaded and ready to run."""

    def __init__(self, name: str, module: Any, path: Path, model: Model, threads: int) -> None:
        """Load `model`, read from `path`, with the package `module`; the errors are those of `open_engine`."""
        options = module.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _ERRORS
        # Threads that wait in a loop for work would keep the processor from everything else on a small machine.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        try:
            self._session = module.InferenceSession(model.content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's own classes, without a common base
            raise EngineError(
                f"{path}: {name} cannot load this model ({first_line(error)}): try another version of it"
            ) from None
        source = check_single(self._session.get_inputs(), path, "input")
        target = check_single(self._session.get_outputs(), path, "output")
        self._from, self._to = source.name, target.name
        super().__init__(name, threads, model.card, _checked(source, path), _checked(target, path), path)

    def _infer(self, stored: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(self._session.run([self._to], {self._from: stored})[0])


def tensor_of_session(tensor: Any) -> Tensor:
    """Return an input or output of a session; an integer one's scale is not in an ONNX file, so there is none.

    A model may accept any number of inputs per call: this runtime runs one.
    """
    shape = [1 if place == 0 and not isinstance(side, int) else side for place, side in enumerate(tensor.shape)]
    return Tensor(tuple(shape), np.dtype(_DTYPES.get(tensor.type, "object")))


def _checked(tensor: Any, path: Path) -> Tensor:
    """Return an input or output of a session; raise `ArtifactError` unless a card can describe it."""
    described = tensor_of_session(tensor)
    if tensor.type not in _DTYPES or not all(isinstance(side, int) for side in described.shape):
        raise ArtifactError(
            f"{path}: {tensor.name} is {tensor.type} {tensor.shape}; it must have known sides and be "
            "float32, int8 or uint8: export it with `python -m export`"
        )
    return described
