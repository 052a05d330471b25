"""What makes a process that classifies one sound quick: threads it need not start, and an end without tidying up."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import NoReturn


def lean() -> None:
    """Keep NumPy's OpenBLAS from starting threads; to be called before NumPy is imported.

    The front end's products are too small to be shared out, so that the threads would only take time to start and stop.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def leave(code: int) -> NoReturn:
    """End the process with an exit code, without taking the interpreter and its libraries apart piece by piece.

    What was printed is flushed; nothing else is left to be done when a command has returned.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody reads it, or it is closed
            stream.flush()
    os._exit(code)
