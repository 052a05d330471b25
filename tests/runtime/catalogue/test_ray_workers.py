"""A Ray cluster gives the rows that one machine gives, whatever dies in it."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from runtime.catalogue import run as run_module
from runtime.catalogue.file_classifier import FileClassifier
from runtime.catalogue.row import Settings
from runtime.catalogue.run import CatalogueRequest, catalogue
from runtime.catalogue.walk import Candidate
from runtime.catalogue.workers import Outcome
from runtime.default_model import PRETRAINED
from tests.runtime.catalogue.library import rows_of, tone
from toolkit.errors import ArtifactError, UsageError

pytest.importorskip("ray", reason="ray is not installed")
COUNT = 12


@pytest.fixture(scope="module")
def raylets() -> Iterator[list[int]]:
    """Start a cluster of two nodes with one CPU each, name it to Ray, and return the process that leads each node."""
    from ray.cluster_utils import Cluster

    options = {"num_cpus": 1, "object_store_memory": 80 << 20, "include_dashboard": False}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_enable_metrics_collection", "0")
        patch.setenv("RAY_worker_niceness", "0")  # what else runs on this machine does not stop it
        cluster = Cluster(initialize_head=True, head_node_args=options)
        try:
            added = cluster.add_node(**options)
            patch.setenv("RAY_ADDRESS", cluster.address)
            yield [node.all_processes["raylet"][0].process.pid for node in (cluster.head_node, added)]
        finally:
            cluster.shutdown()


@pytest.fixture
def library(tmp_path: Path) -> Path:
    for number in range(COUNT):
        tone(tmp_path / "m" / f"{number}.wav", 200 + 50 * number)
    (tmp_path / "m" / "damaged.wav").write_bytes(b"RIFF")
    tone(tmp_path / "m" / "zero.wav").rename(tmp_path / "m" / os.fsdecode(b"no utf-8 \xff.wav"))
    return tmp_path / "m"


def request(library: Path, out: str) -> CatalogueRequest:
    return CatalogueRequest(str(library), str(library.parent / out), PRETRAINED, Settings(), 2)


def actors(raylet: int) -> list[int]:
    """Return the processes that hold a model on a node, by the name that Ray gives them."""
    pids = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command, status = (entry / "cmdline").read_bytes(), (entry / "stat").read_text()
        except OSError:
            continue  # it ended meanwhile
        if b"MapWorker" in command and int(status.rpartition(")")[2].split()[1]) == raylet:
            pids.append(int(entry.name))
    return pids


def test_a_cluster_that_is_not_there_is_one_sentence(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from runtime.catalogue import ray_workers

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for address, reason in ((f"127.0.0.1:{port}", "Connection refused"), ("127.0.0.1:x", "Port could not be cast")):
        monkeypatch.setenv("RAY_ADDRESS", address)
        with pytest.raises(UsageError, match=rf"--engine ray: .*{reason}.*: start the cluster, or set RAY_ADDRESS"):
            catalogue(request(library, "ray.parquet"), print, ray_workers.computed)


@pytest.mark.slow
def test_a_model_that_an_actor_cannot_load_ends_the_run(
    raylets: list[int], library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runtime.catalogue import ray_workers

    whole = ray_workers._Model.of
    monkeypatch.setattr(ray_workers._Model, "of", lambda task: whole(task)._replace(model=b"junk"))
    with pytest.raises(ArtifactError, match=r"model\.tflite"):
        catalogue(request(library, "ray.parquet"), print, ray_workers.computed)


@pytest.mark.slow
def test_a_killed_actor_and_a_stopped_run_lose_nothing(
    raylets: list[int], library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runtime.catalogue import ray_workers

    monkeypatch.setattr(ray_workers, "BATCH", 1)
    monkeypatch.setattr(run_module, "SECONDS_BETWEEN_PARTS", 0.0)
    stopped_after, killed = 3, []

    def killing(task: FileClassifier, candidates: Iterator[Candidate], workers: int) -> Generator[Outcome, None, None]:
        for number, outcome in enumerate(ray_workers.computed(task, candidates, workers), 1):
            yield outcome
            if number == 1:
                of_nodes = [actors(raylet) for raylet in raylets]
                assert [len(pids) for pids in of_nodes] == [1, 1]
                os.kill(of_nodes[1][0], signal.SIGKILL)
                killed.append(of_nodes[1][0])
            if number == stopped_after:
                raise KeyboardInterrupt

    distributed, local = request(library, "ray.parquet"), request(library, "local.csv")
    with pytest.raises(KeyboardInterrupt):
        catalogue(distributed, print, killing)
    assert len(rows_of(Path(distributed.out))) == stopped_after
    stopped_after = COUNT + 10
    summary = catalogue(distributed, print, killing)
    assert (summary.unchanged, summary.classified + summary.failed) == (3, COUNT - 1)
    assert len(killed) == 2
    catalogue(local, print)
    assert rows_of(Path(distributed.out)) == rows_of(Path(local.out))
