"""The folder that an export writes to: locked while it runs, and what is stale in it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from export.options import Report
from toolkit.artifact.file import FORMATS, model_files, read_card
from toolkit.command import output_folder
from toolkit.errors import ArtifactError
from toolkit.files import remove_leftovers

LOCK_NAME = ".gtzanet-export.lock"


@contextmanager
def locked(folder: Path, report: Report) -> Iterator[None]:
    """Make `folder` if need be and lock it for the block; where the block fails, remove a folder that is new and empty.

    A second export waits for the first. The system unlocks what a killed process held.
    """
    is_new, done = not folder.exists(), False
    lock = _acquired(folder, report)
    try:
        leftovers = [path for format in FORMATS for path in remove_leftovers(folder, suffix=f".{format}")]
        if leftovers:
            report(f"removed what a killed export left in {folder}: {len(leftovers)} temporary files")
        yield
        done = True
    finally:
        (folder / LOCK_NAME).unlink(missing_ok=True)
        lock.close()
        if is_new and not done:
            with suppress(OSError):
                folder.rmdir()


def _acquired(folder: Path, report: Report) -> IO[str]:
    """Return the lock file, locked, with the number of this process in it."""
    path = folder / LOCK_NAME
    while True:
        output_folder(folder, "--output")
        with suppress(FileNotFoundError):  # a holder removes the lock file, and where it fails an empty new folder
            lock = path.open("a+")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                report(f"waiting until process {lock.read() or '?'} has finished its export to {folder}")
                fcntl.flock(lock, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(lock.fileno()), path.stat()):
                lock.truncate(0)
                lock.write(str(os.getpid()))
                lock.flush()
                return lock


def report_other_runs(targets: Collection[Path], model: str, run_digest: str, report: Report) -> None:
    """Report files of other runs of the network: those about to be replaced, and those beside them, which are stale."""
    for path in sorted({path for target in targets for path in model_files(target.parent)}):
        with suppress(ArtifactError):
            card = read_card(path)
            if card.run_digest != run_digest and path in targets:
                report(f"replacing {path}, which is of another run")
            elif card.run_digest != run_digest and card.model == model:
                report(f"stale: {path} is of another run of {model}: export that file too, or remove it")
