"""Memory that large conversions leave behind."""

from __future__ import annotations

import ctypes
import gc
import sys


def release() -> None:
    """Give freed memory back to the system, where the C library can (glibc); elsewhere do nothing.

    TensorFlow's converters free hundreds of megabytes that glibc keeps for later, and the next conversion then takes
    new memory instead.
    """
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
