"""What makes a process that classifies one sound quick: threads it need not start, and an end without tidying up."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from typing import NoReturn


def lean() -> None:
    """Keep OpenBLAS from starting threads, and Python from looking for garbage often; call it before NumPy is imported.

    The front end's products are too small to be shared out, so that the threads would only cost time.
    What imports allocate stays, 36,000 objects: to look through them every 700 is 5 % of the time to a label.
    """
    gc.set_threshold(50_000)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def leave(code: int) -> NoReturn:
    """End the process with an exit code, without tidying up the interpreter and its libraries piece by piece.

    What was printed is flushed; nothing else is left to be done when a command has returned.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody reads it, or it is closed
            stream.flush()
    os._exit(code)
