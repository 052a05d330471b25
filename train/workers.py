"""The workers of a training on this machine: start them, and all of them again where one dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

from toolkit.errors import RunError, UsageError
from train import checkpoint
from train.cluster import VARIABLE, cluster_of, local_cluster
from train.config import Compute, RunConfig

IDLE_ROUNDS = 3
"""How often the workers start again without a new checkpoint in between."""
POLL_SECONDS = 0.1
GRACE_SECONDS = 10.0
"""How long interrupted workers have to end by themselves."""


def starts_workers(compute: Compute) -> bool:
    """Return whether this process starts the workers of a run, and is none itself."""
    return compute.strategy == "multiworker" and cluster_of(compute) is None


def check_cluster(folder: Path, compute: Compute) -> None:
    """Raise `UsageError` where TF_CONFIG names more or fewer workers than the run in `folder` began with."""
    cluster = cluster_of(compute)
    if cluster and len(cluster.addresses) != compute.workers:
        count = len(cluster.addresses)
        raise UsageError(f"{folder}: this run began with {compute.workers} workers, but {VARIABLE} names {count}")


def supervise(folder: Path, config: RunConfig, cache: Path | None) -> int:
    """Train the run in `folder` by processes that resume it, and return the exit code of the one that decides it.

    Where a worker is killed, all start again from the last checkpoint. Raises `RunError` where that happens again and
    again without a new one.
    """
    command = [sys.executable, "-m", "train", "--resume", str(folder), "--data", config.data.root]
    command += ["--cache", str(cache)] if cache else []
    idle = 0
    while True:
        before = _stamp(folder)
        code, cause = _round(command, config.compute.workers)
        if code >= 0:
            return code
        idle = 0 if _stamp(folder) != before else idle + 1
        if idle > IDLE_ROUNDS:
            raise RunError(
                f"{folder}: {cause} {idle} times without a new checkpoint: see to the cause, then --resume it"
            )
        print(f"{cause}: all start again from the last checkpoint", file=sys.stderr, flush=True)


def _stamp(folder: Path) -> int:
    path = folder / checkpoint.FILE
    return path.stat().st_mtime_ns if path.exists() else 0


def _round(command: Sequence[str], count: int) -> tuple[int, str]:
    """Start all workers and wait for them; return what decides: an exit code, negative of a signal, and what died.

    Worker 0 writes to this process's streams. Of another one that fails, the last line is printed.
    """
    cluster = local_cluster(count)
    processes: list[subprocess.Popen[bytes]] = []
    with tempfile.TemporaryFile() as log:
        try:
            for index in range(count):
                environment = os.environ | {VARIABLE: replace(cluster, index=index).to_json()}
                out, errors = (subprocess.DEVNULL, log) if index else (None, None)
                process = subprocess.Popen(
                    command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=errors
                )
                processes.append(process)
            return _outcome(processes, log)
        except KeyboardInterrupt:
            ends = time.monotonic() + GRACE_SECONDS
            while time.monotonic() < ends and any(process.poll() is None for process in processes):
                time.sleep(POLL_SECONDS)
            raise
        finally:
            for process in processes:
                process.kill()
                process.wait()


def _outcome(processes: Sequence[subprocess.Popen[bytes]], log: IO[bytes]) -> tuple[int, str]:
    while True:
        codes = [process.poll() for process in processes]
        if codes[0] == 0:
            return 0, ""
        for index, code in enumerate(codes):
            if code is not None and code < 0:
                return code, f"worker {index} died of {signal.Signals(-code).name}"
        for index, code in enumerate(codes):
            if code:
                if index:
                    log.seek(0)
                    print(log.read().decode(errors="replace").strip().rpartition("\n")[2], file=sys.stderr)
                return code, ""
        time.sleep(POLL_SECONDS)
