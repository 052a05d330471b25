"""Files to rows in several processes of this machine; one that dies takes no file and no other process with it."""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import NamedTuple

from runtime.catalogue.file_classifier import FileClassifier
from runtime.catalogue.row import Row
from runtime.catalogue.walk import Candidate, candidate_at
from toolkit.errors import EngineError, GtzanetError

AHEAD = 8
"""Files that a process has before it, so that it never waits for the next one."""
PATIENCE = 5.0
"""Seconds that a process has to end by itself."""


class Unreachable(NamedTuple):
    """A file that is gone, or whose disk fails, and why; it has no row, and is tried again by the next run."""

    path: str
    reason: OSError


Outcome = Row | Unreachable


def computed(task: FileClassifier, candidates: Iterator[Candidate], workers: int) -> Generator[Outcome]:
    """Yield what becomes of every candidate, in no certain order, computed in so many processes.

    A file whose process dies is tried once more, and then has a row that says so.

    Raises
    ------
    GtzanetError
        If a process cannot load the model.
    """
    with closing(Pool(task, workers)) as pool:
        yield from pool.outcomes(candidates)


class Pool:
    """Processes that hold the model, and keep it from one group of candidates to the next."""

    def __init__(self, task: FileClassifier, workers: int) -> None:
        self._task = task
        self._workers = [_Worker(task) for _ in range(workers)]

    def outcomes(self, candidates: Iterator[Candidate]) -> Generator[Outcome]:
        """Yield what `computed` does."""
        while True:
            for worker in self._workers:
                worker.fill(candidates)
            busy = {worker.connection: worker for worker in self._workers if worker.files}
            if not busy:
                return
            for connection in wait(list(busy)):
                worker = busy[connection]  # type: ignore[index]
                try:
                    outcome = worker.receive()
                except (EOFError, OSError):  # it is dead, perhaps in the middle of a message
                    self._workers[self._workers.index(worker)] = replacement = _Worker(self._task)
                    yield from _inherited(self._task, worker, replacement)
                    continue
                if outcome is not None:
                    yield outcome

    def close(self) -> None:
        """End the processes."""
        for worker in self._workers:
            worker.connection.close()
        for worker in self._workers:
            worker.end()


class _Worker:
    """A process, and the files that it has not returned yet, the one that it works on first."""

    def __init__(self, task: FileClassifier) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would copy an engine's threads, which do not run there
        self.files: deque[str] = deque()
        self.suspect: str | None = None
        self.is_ready = False
        self.connection, other = context.Pipe()
        self.process = context.Process(target=_serve, args=(task, other), daemon=True)
        resource_tracker.ensure_running()  # which lets SIGINT through again where `start` has to start it
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # Ctrl-C is for the process that waits
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        other.close()

    def fill(self, candidates: Iterator[Candidate]) -> None:
        while len(self.files) < AHEAD and (candidate := next(candidates, None)) is not None:
            self.send(candidate.path)

    def send(self, path: str) -> None:
        self.files.append(path)
        with suppress(BrokenPipeError):  # it is dead, which `receive` finds
            self.connection.send(path)

    def receive(self) -> Outcome | None:
        """Return what became of the first file, or None: the process is ready; raise what it could not start for."""
        message: Outcome | GtzanetError | None = self.connection.recv()
        if isinstance(message, GtzanetError):
            raise message
        if message is None:
            self.is_ready = True
        else:
            self.files.popleft()
        return message

    def end(self) -> int:
        """Return the exit code of the process, which has seen its connection closed."""
        self.process.join(PATIENCE)
        self.process.kill()
        self.process.join()
        return self.process.exitcode or 0


def _inherited(task: FileClassifier, dead: _Worker, heir: _Worker) -> Generator[Outcome]:
    """Pass the files of a dead process on; one that two processes died of is not."""
    code = dead.end()
    if not dead.is_ready:
        raise EngineError(f"a process ended with {_cause(code)} while it loaded the model: use fewer --workers")
    first = dead.files[0]
    if first == dead.suspect:
        dead.files.popleft()
        try:
            yield task.blank(candidate_at(first)).failed(f"the process that reads it ends with {_cause(code)}")
        except OSError as error:
            yield Unreachable(first, error)
    else:
        heir.suspect = first
    for path in dead.files:
        heir.send(path)


def _cause(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _serve(task: FileClassifier, connection: Connection) -> None:
    """Return what becomes of each path that comes, until the other end is closed."""
    try:
        task.load()
    except GtzanetError as error:
        connection.send(error)
        return
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        connection.send(None)
        while True:
            connection.send(_outcome(task, connection.recv()))


def _outcome(task: FileClassifier, path: str) -> Outcome:
    try:
        return task.row(path)
    except OSError as error:
        return Unreachable(path, error)
