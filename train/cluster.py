"""The workers of a training over several processes: who they are, by TF_CONFIG, and how they meet."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from toolkit.errors import RunError, UsageError
from train.config import Compute

VARIABLE = "TF_CONFIG"
PEER_SECONDS = 300.0
"""How long a worker waits for the others at its start."""
RETRY_SECONDS = 0.2
FORM = '{"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": "worker", "index": 0}}'


@dataclass(frozen=True)
class Cluster:
    """The addresses of all workers, "host:port", and the number of this one. Worker 0 writes the run's folder."""

    addresses: tuple[str, ...]
    index: int

    def to_json(self) -> str:
        """Return the value of TF_CONFIG that says this."""
        return json.dumps({"cluster": {"worker": self.addresses}, "task": {"type": "worker", "index": self.index}})

    def name(self, index: int) -> str:
        return f"worker {index} ({self.addresses[index]})"


def local_cluster(count: int) -> Cluster:
    """Return the first of `count` workers on this machine, at ports that are free now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = tuple(f"127.0.0.1:{each.getsockname()[1]}" for each in sockets)
    for each in sockets:
        each.close()
    return Cluster(addresses, 0)


def cluster_of(compute: Compute) -> Cluster | None:
    """Return the cluster that this process is a worker of; None where it works alone, or starts the workers itself."""
    return environment_cluster(os.environ) if compute.strategy == "multiworker" else None


def is_chief(compute: Compute) -> bool:
    """Return whether this process is the one that writes the run's folder."""
    cluster = cluster_of(compute)
    return cluster is None or cluster.index == 0


def environment_cluster(environment: Mapping[str, str]) -> Cluster | None:
    """Return what TF_CONFIG says, or None where it is not set.

    A job "chief" counts as worker 0, as TensorFlow has it. Raises `UsageError` where it says nothing usable.
    """
    if not (text := environment.get(VARIABLE, "").strip()):
        return None
    try:
        value = json.loads(text)
        jobs, task = value["cluster"], value["task"]
        kind, index = task["type"], task["index"]
        chiefs, workers = (list(jobs.get(job, [])) for job in ("chief", "worker"))
        others = sorted(set(jobs) - {"chief", "worker"})
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(f"{VARIABLE} is not of the form {FORM}: correct it") from None
    if others:
        raise UsageError(
            f"{VARIABLE}: the job {others[0]!r} takes no part in --strategy multiworker: name workers alone"
        )
    addresses = [*chiefs, *workers]
    for address in addresses:
        if not _is_address(address):
            raise UsageError(f"{VARIABLE}: {address!r} is no address: write HOST:PORT, the port from 1 to 65535")
    if len(set(addresses)) < len(addresses):
        raise UsageError(f"{VARIABLE}: two workers have the same address: give each one of its own")
    members = {"chief": chiefs, "worker": workers}.get(kind, [])
    if type(index) is not int or not 0 <= index < len(members):
        raise UsageError(f"{VARIABLE}: the task {kind!r} {index!r} is not in the cluster: its indices count from 0")
    return Cluster(tuple(addresses), index + (len(chiefs) if kind == "worker" else 0))


def _is_address(address: object) -> bool:
    host, _, port = str(address).rpartition(":")
    return isinstance(address, str) and bool(host) and port.isdecimal() and 0 < int(port) < 65536


def meet(cluster: Cluster, seconds: float | None = None) -> None:
    """Return when all workers are there; TensorFlow's own servers, which then start, wait an hour and name nobody.

    Worker 0 listens until each of the others has named itself, and then answers all. Raises `RunError` where this
    worker's port is in use, or one does not come within `seconds` (default: `PEER_SECONDS`).
    """
    limit = PEER_SECONDS if seconds is None else seconds
    ends = time.monotonic() + limit
    port = int(cluster.addresses[cluster.index].rpartition(":")[2])
    try:
        server = socket.create_server(("", port), backlog=len(cluster.addresses))
    except OSError as error:
        hint = "end what listens there, or name another port"
        raise RunError(f"{VARIABLE}: port {port} of {cluster.name(cluster.index)}: {error.strerror}: {hint}") from None
    with server:
        absent = _gather(cluster, server, ends) if cluster.index == 0 else _join(cluster, ends)
    if absent:
        names = ", ".join(cluster.name(index) for index in absent)
        raise RunError(f"{names} did not come within {limit:g} s: start the same command there, with its {VARIABLE}")


def _greeting(index: int) -> bytes:
    return f"worker {index:6}\n".encode()


def _gather(cluster: Cluster, server: socket.socket, ends: float) -> list[int]:
    """Accept all others and answer them; return those that do not come."""
    greetings = {_greeting(index): index for index in range(1, len(cluster.addresses))}
    peers: dict[int, socket.socket] = {}
    try:
        while len(peers) < len(greetings) and (left := ends - time.monotonic()) > 0:
            server.settimeout(left)
            with suppress(OSError):
                peer, _ = server.accept()
                peer.settimeout(1)
                index = greetings.get(peer.recv(len(_greeting(0)), socket.MSG_WAITALL))
                if index is None:  # somebody else's
                    peer.close()
                else:
                    peers[index] = peer
        absent = [index for index in greetings.values() if index not in peers]
        for peer in peers.values() if not absent else ():
            peer.sendall(_greeting(0))
        return absent
    finally:
        for peer in peers.values():
            peer.close()


def _join(cluster: Cluster, ends: float) -> list[int]:
    """Name this worker to worker 0 and wait for its answer; return [0] where it does not come."""
    host, _, port = cluster.addresses[0].rpartition(":")
    while (left := ends - time.monotonic()) > 0:
        with suppress(OSError), socket.create_connection((host.strip("[]"), int(port)), left) as peer:
            peer.sendall(_greeting(cluster.index))
            if peer.recv(len(_greeting(0)), socket.MSG_WAITALL) == _greeting(0):
                return []
        time.sleep(RETRY_SECONDS)
    return [0]
