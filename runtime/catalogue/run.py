"""The job of `python -m runtime catalogue`: a library to rows in a store."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from runtime.catalogue.file_classifier import FileClassifier
from runtime.catalogue.open_store import writable_store
from runtime.catalogue.plan import Finished, Plan
from runtime.catalogue.row import Row, Settings
from runtime.catalogue.store import Store
from runtime.catalogue.summary import ProgressLine, Summary
from runtime.catalogue.tagging import Tagger
from runtime.catalogue.walk import Candidate, Library, Problem
from runtime.catalogue.workers import Outcome, Unreachable, computed
from toolkit.errors import CatalogueError
from toolkit.streams import Terminated

SECONDS_BETWEEN_PARTS = 2.0
"""What a kill loses at most, besides the files that are being read."""
MANY_ROWS = 10_000

Compute = Callable[[FileClassifier, Iterator[Candidate], int], Generator[Outcome]]
"""Yields what becomes of every candidate, with so many workers, as `workers.computed` does."""


@dataclass(frozen=True)
class CatalogueRequest:
    """What to classify, with what, and where the rows go.

    Attributes
    ----------
    source
        A folder, or a list of files, or "-" for a list on standard input.
    out
        The store's path.
    model, backbone
        The model file; of a head the backbone, None for the one beside it.
    settings
        What decides a row besides the file and the model.
    workers
        How many processes compute; 0 for one per CPU of a cluster.
    retry_failed
        Whether files that failed before are tried again.
    """

    source: str
    out: str
    model: Path
    settings: Settings
    workers: int
    backbone: Path | None = None
    retry_failed: bool = False


def catalogue(
    request: CatalogueRequest,
    report: Callable[[str], None],
    compute: Compute = computed,
    tagger: Tagger | None = None,
) -> Summary:
    """Add a row to the store for every file of the library that has none or has changed, and return what was done.

    Rows are added every two seconds, so that a process that is killed loses no more; the same call goes on. A `tagger`
    then writes the genres of all the library's files.

    Raises
    ------
    UsageError, CatalogueError, ArtifactError, EngineError
        Before any file is read, if the request cannot be met.
    AudioError, CatalogueError
        If there are no audio files, the folder is gone or the store cannot be written; what was finished is kept.
    """
    start, library = time.monotonic(), Library(request.source, request.out)
    task = FileClassifier(request.model, request.settings, request.backbone)
    with writable_store(request.out, task.origin) as store:

        def problem(path: str, error: OSError) -> None:
            library.check()
            line.clear()
            summary.add_unreachable(error)
            report(f"error: {path}: {error.strerror or error}")

        finished = Finished(store.entries(), retry_failed=request.retry_failed)
        summary = Summary(known=len(finished))
        candidates = library.candidates(problem)
        plan = Plan(tagger.watched(candidates) if tagger else candidates, finished)
        line = ProgressLine(_counted(library))
        try:
            with closing(compute(task, iter(plan), request.workers)) as outcomes:
                _keep(_rows(outcomes, problem, plan, summary, line), store, request.out)
            with _naming(request.out):
                store.tidy()
            if tagger:
                tagger.run(store, task.settings.min_confidence)
        except (KeyboardInterrupt, Terminated):
            line.clear()
            report(f"{request.out}: what was finished is kept; the same command goes on")
            raise
        finally:
            line.clear()
    summary.unchanged, summary.seconds = plan.unchanged, time.monotonic() - start
    if plan.seen == 0 and summary.unreachable == 0:
        raise library.empty()
    return summary


def _rows(
    outcomes: Iterable[Outcome], problem: Problem, plan: Plan, summary: Summary, line: ProgressLine
) -> Iterator[Row]:
    """Yield the rows among outcomes; count and show them all."""
    for outcome in outcomes:
        if isinstance(outcome, Unreachable):
            problem(outcome.path, outcome.reason)
        else:
            summary.add(outcome)
            yield outcome
        summary.unchanged = plan.unchanged
        line.show(summary)


def _keep(rows: Iterable[Row], store: Store, out: str) -> None:
    """Add rows to a store as they come, several at once, also those that came before an error or Ctrl-C."""
    waiting: list[Row] = []
    last = time.monotonic()
    try:
        for row in rows:
            waiting.append(row)
            if time.monotonic() - last >= SECONDS_BETWEEN_PARTS or len(waiting) >= MANY_ROWS:
                full, waiting = waiting, []
                with _naming(out):
                    store.append(full)
                last = time.monotonic()
    finally:
        if waiting:
            with _naming(out):
                store.append(waiting)


@contextmanager
def _naming(out: str) -> Iterator[None]:
    """Name the store in the error of a full disk, or of one that is gone."""
    try:
        yield
    except OSError as error:
        raise CatalogueError(
            f"{out}: cannot be written ({error.strerror or error}): what was finished before is kept; mend that, and "
            "run the same command again"
        ) from None


def _counted(library: Library) -> Callable[[], int | None]:
    """Return what returns the number of a library's files, once a thread has counted them."""
    total: list[int | None] = []

    def count() -> None:
        with suppress(OSError):  # the run itself reports it
            total.append(library.count())

    threading.Thread(target=count, daemon=True).start()
    return lambda: total[0] if total else None
