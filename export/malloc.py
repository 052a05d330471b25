"""How the C library uses memory: kept between tensors where there is enough, released where it runs short."""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import Any

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 2**29
_KEEP, _RETURN = 2**30, 2**25
"""Bytes of the largest blocks that are kept: all, and medium ones."""


def keep() -> None:
    """Let the C library keep whatever is freed for the next tensors, where it can (glibc); elsewhere do nothing.

    By default glibc maps every large block anew and the system clears its pages again, which is half the time of
    loading ZFNet and computing its answers.
    """
    _keep_blocks_up_to(_KEEP)


def release() -> None:
    """Return freed memory to the system, now and, for large blocks, from now on.

    TensorFlow's converters free hundreds of megabytes that glibc would keep for later, and the next conversion then
    allocates new memory instead.
    """
    gc.collect()
    _keep_blocks_up_to(_RETURN)
    if (trim := _from_libc("malloc_trim")) is not None:
        trim(0)


def _keep_blocks_up_to(size: int) -> None:
    if (mallopt := _from_libc("mallopt")) is not None:
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_MMAP_THRESHOLD, size)


def _from_libc(name: str) -> Any:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
