"""`python -m tests.runtime.catalogue.logged_run LIBRARY OUT LOG`: a catalogue that logs every file that it reads.

Rows are added, and parts joined, far more often than usual.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator

from runtime.catalogue import parquet
from runtime.catalogue import run as run_module
from runtime.catalogue.file_classifier import FileClassifier
from runtime.catalogue.row import Row, Settings
from runtime.catalogue.run import CatalogueRequest, catalogue
from runtime.catalogue.walk import Candidate
from runtime.catalogue.workers import Outcome, computed
from runtime.default_model import PRETRAINED

LOG = "CATALOGUE_LOG"


class Logged(FileClassifier):
    """Appends the name of every file to a log before it reads the file."""

    def row(self, path: str) -> Row:
        log = os.open(os.environ[LOG], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(log, f"{path}\n".encode())
        os.close(log)
        return super().row(path)


def logged(task: FileClassifier, candidates: Iterator[Candidate], workers: int) -> Generator[Outcome, None, None]:
    return computed(Logged(task.model, task.settings, task.backbone), candidates, workers)


def main() -> None:
    """Run until it is done, or killed."""
    library, out, os.environ[LOG] = sys.argv[1:]
    run_module.SECONDS_BETWEEN_PARTS = 0.05
    parquet.MANY_PARTS, parquet.PART_ROWS = 4, 100
    request = CatalogueRequest(library, out, PRETRAINED, Settings(), 2)
    catalogue(request, print, logged)


if __name__ == "__main__":
    main()
