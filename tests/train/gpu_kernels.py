"""Which operations of a graph TensorFlow has no GPU kernel for, as this machine's build registers them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def types_without_a_gpu_kernel(operations: Iterable[Any]) -> set[str]:
    """Return the types of the operations that a GPU would leave to the processor."""
    return {operation.type for operation in operations if not _has_kernel(operation)}


def _has_kernel(operation: Any) -> bool:
    from tensorflow.python.framework import kernels

    for kernel in kernels.get_registered_kernels_for_op(operation.type).kernel:
        allowed = [(rule.name, set(rule.allowed_values.list.type)) for rule in kernel.constraint]
        if kernel.device_type in ("GPU", "DEFAULT") and all(
            _types(operation, name) <= fine for name, fine in allowed if fine
        ):
            return True
    return False


def _types(operation: Any, name: str) -> set[int]:
    value = operation.get_attr(name)
    return {value.as_datatype_enum for value in (value if isinstance(value, list) else [value])}
