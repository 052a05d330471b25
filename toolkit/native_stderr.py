"""Keep native libraries' chatter off the terminal: they write to file descriptor 2, past Python's sys.stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MAX_TEXT = 1 << 16


@contextmanager
def captured_stderr() -> Iterator[Callable[[], str]]:
    """Send file descriptor 2 to an unnamed file in the block; yield a function that returns what was written so far.

    It acts on the whole process: a command line may use it, a library call should not. Where there is no descriptor
    2 to redirect, the block runs as it is.
    """
    sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:
        yield str
        return
    kept = _unnamed_file()

    def text() -> str:
        return os.pread(kept, MAX_TEXT, 0).decode("utf-8", "replace")

    os.dup2(kept, 2)
    try:
        yield text
    finally:
        sys.stderr.flush()
        os.dup2(saved, 2)
        os.close(saved)
        os.close(kept)


@contextmanager
def without_remark(remark: str) -> Iterator[None]:
    """Drop the lines that hold `remark` of what is written to file descriptor 2 in the block; the others follow it.

    A library call may use it: what other threads write meanwhile comes late, and is not lost.
    """
    kept = ""
    try:
        with captured_stderr() as text:
            try:
                yield
            finally:
                sys.stderr.flush()
                kept = "".join(line for line in text().splitlines(keepends=True) if remark not in line)
    finally:
        if kept:
            os.write(2, kept.encode())


def _unnamed_file() -> int:
    """Return the descriptor of a new file that has no name: in memory where the system can, which is quicker."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("stderr")
    import tempfile

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
