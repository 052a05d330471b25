"""Files to rows on the machines of a Ray cluster: a Ray Data pipeline whose actors hold the model.

Each actor holds one worker process of `workers`, so that a file that kills its reader gets the row that it gets
without Ray. Ray starts an actor anew that dies itself, or whose machine does, and computes what it had once more.
Rows come back to this process, which alone writes the store.
"""

from __future__ import annotations

import os
import pickle
import socket
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from copy import copy
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np

from runtime.catalogue.file_classifier import FileClassifier
from runtime.catalogue.walk import Candidate
from runtime.catalogue.workers import Outcome, Pool
from runtime.engines.pair import find_backbone
from toolkit.artifact.file import read_card
from toolkit.error_text import first_line
from toolkit.errors import EngineError, GtzanetError, UsageError
from toolkit.native_stderr import captured_stderr

BATCH = 32
"""Files that an actor computes per call; what an actor loses that dies."""
SECONDS_TO_CONNECT = 10.0
FILES_PER_ACTOR = 5_000
"""Files in a pipeline, per actor: Ray holds their names in memory, and each pipeline loads the models anew."""

try:
    for name, value in {"USAGE_STATS_ENABLED": "0", "DATA_LOG_LEVEL": "ERROR", "BACKEND_LOG_LEVEL": "fatal"}.items():
        os.environ.setdefault(f"RAY_{name}", value)  # its messages are not ours, and it sends none about its use
    import ray
    import ray.data
except ModuleNotFoundError:
    raise UsageError("--engine ray needs Ray, which is not installed (try: pip install 'gtzanet-edge[ray]')") from None


def computed(task: FileClassifier, candidates: Iterator[Candidate], workers: int) -> Generator[Outcome]:
    """Yield what becomes of every candidate, in no certain order, computed by so many actors; 0 for one per CPU.

    The cluster is the one that `RAY_ADDRESS` names, else one that runs on this machine, else one of this machine alone.
    Files must have the same names on all its machines. The model is sent to them.

    Raises
    ------
    UsageError
        If the cluster cannot be reached.
    GtzanetError
        If an actor cannot load the model, or Ray gives up.
    """
    with _connected():
        model = ray.put(_Model.of(task))
        cpus = int(ray.cluster_resources().get("CPU", 1))
        workers = workers or cpus
        files = workers * FILES_PER_ACTOR
        try:
            while paths := [os.fsencode(candidate.path) for candidate in islice(candidates, files)]:
                for batch in _pipeline(paths, model, workers, cpus).iter_batches(batch_size=None):
                    for outcome in map(pickle.loads, batch["outcome"]):
                        if isinstance(outcome, GtzanetError):
                            raise outcome
                        yield outcome
        except ray.exceptions.RayError as error:
            raise EngineError(f"Ray ends the run: {first_line(error)}") from None


def _pipeline(paths: list[bytes], model: ray.ObjectRef, workers: int, cpus: int) -> ray.data.Dataset:
    """Return the pipeline from paths to pickled outcomes; more workers than CPUs share them."""
    blocks = -(-len(paths) // BATCH)
    return ray.data.from_items([{"path": path} for path in paths], override_num_blocks=blocks).map_batches(
        _Actor,
        fn_constructor_args=(model,),
        batch_size=None,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=workers, initial_size=min(workers, blocks)),
        num_cpus=min(1, cpus / workers),
    )


@contextmanager
def _connected() -> Iterator[None]:
    """Connect to a cluster in the block."""
    address = urlsplit(f"//{os.environ.get('RAY_ADDRESS', '').rpartition('/')[2]}")
    try:
        if address.hostname and address.port:  # Ray itself would try for minutes
            socket.create_connection((address.hostname, address.port), SECONDS_TO_CONNECT).close()
        with captured_stderr():  # it reports its settings
            ray.init(log_to_driver=False, logging_level="ERROR")
    except (OSError, ValueError, ray.exceptions.RayError) as error:
        raise UsageError(f"--engine ray: {first_line(error)}: start the cluster, or set RAY_ADDRESS") from None
    ray.data.DataContext.get_current().enable_progress_bars = False  # the run shows its own
    try:
        yield
    finally:
        ray.shutdown()


class _Model(NamedTuple):
    """A task and the bytes of its model, for machines that have neither."""

    task: FileClassifier
    model: bytes
    backbone: bytes | None

    @classmethod
    def of(cls, task: FileClassifier) -> _Model:
        card = read_card(task.model)
        backbone = task.backbone or (find_backbone(task.model, card) if card.backbone else None)
        return cls(task, task.model.read_bytes(), None if backbone is None else backbone.read_bytes())

    def written(self, folder: Path) -> FileClassifier:
        """Return the task with its model in a folder of this machine."""
        task = copy(self.task)
        suffix = task.model.suffix
        task.model = folder / f"model{suffix}"
        task.model.write_bytes(self.model)
        if self.backbone is not None:
            task.backbone = folder / f"backbone{suffix}"
            task.backbone.write_bytes(self.backbone)
        return task


class _Actor:
    """A model on one of the machines."""

    def __init__(self, model: ray.ObjectRef) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="gtzanet-")
        self._pool = Pool(ray.get(model).written(Path(self._folder.name)), 1)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Return the outcomes of a batch, pickled; or, as the only one, why there can be none."""
        candidates = (Candidate(os.fsdecode(path), 0, 0) for path in batch["path"])
        try:
            outcomes = [pickle.dumps(outcome) for outcome in self._pool.outcomes(candidates)]
        except GtzanetError as error:
            outcomes = [pickle.dumps(error)]
        return {"outcome": np.array(outcomes, dtype=object)}
