"""The workers of a training: what TF_CONFIG may say, and how they meet."""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import Any

import pytest

from toolkit.errors import RunError, UsageError
from train.cluster import VARIABLE, Cluster, environment_cluster, local_cluster, meet


def config(cluster: Any, kind: str = "worker", index: Any = 0) -> dict[str, str]:
    return {VARIABLE: json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})}


def test_says_who_the_workers_are() -> None:
    two = ["a:1", "[::1]:2"]
    assert environment_cluster({}) is None
    assert environment_cluster({VARIABLE: " "}) is None
    assert environment_cluster(config({"worker": two}, index=1)) == Cluster(("a:1", "[::1]:2"), 1)
    assert environment_cluster(config({"chief": ["c:3"], "worker": two}, index=1)) == Cluster(("c:3", *two), 2)
    assert environment_cluster(config({"chief": ["c:3"], "worker": two}, "chief")) == Cluster(("c:3", *two), 0)
    cluster = local_cluster(3)
    assert environment_cluster({VARIABLE: cluster.to_json()}) == cluster


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({VARIABLE: "{"}, "is not of the form"),
        ({VARIABLE: "[]"}, "is not of the form"),
        ({VARIABLE: "{}"}, "is not of the form"),
        (config(["a:1"]), "is not of the form"),
        (config({"worker": ["a:1"], "ps": ["b:1"]}), "the job 'ps' takes no part"),
        (config({"worker": ["a"]}), "'a' is no address"),
        (config({"worker": [":1"]}), "':1' is no address"),
        (config({"worker": ["a:65536"]}), "'a:65536' is no address"),
        (config({"worker": [7]}), "7 is no address"),
        (config({"worker": ["a:1", "a:1"]}), "two workers have the same address"),
        (config({"worker": ["a:1", "b:1"]}, index=2), "the task 'worker' 2 is not in the cluster"),
        (config({"worker": ["a:1"]}, index=-1), "the task 'worker' -1 is not in the cluster"),
        (config({"worker": ["a:1"]}, index="0"), "the task 'worker' '0' is not in the cluster"),
        (config({"worker": ["a:1"]}, "chief"), "the task 'chief' 0 is not in the cluster"),
        (config({"worker": []}), "is not in the cluster"),
    ],
)
def test_what_cannot_be_used_is_refused(environment: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=VARIABLE) as refused:
        environment_cluster(environment)
    assert words in str(refused.value) and "\n" not in str(refused.value)


def meeting(clusters: list[Cluster], delay: float = 0.0) -> list[str]:
    """Let workers meet, the first one later than the others; return what each one's meeting ends with."""
    ends = [""] * len(clusters)

    def join(number: int) -> None:
        try:
            if number == 0:
                time.sleep(delay)
            meet(clusters[number], 5)
            ends[number] = "met"
        except RunError as error:
            ends[number] = str(error)

    threads = [threading.Thread(target=join, args=(number,)) for number in range(len(clusters))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ends


def test_workers_meet_whoever_comes_first() -> None:
    for delay in (0.0, 0.5):
        first = local_cluster(3)
        assert meeting([Cluster(first.addresses, index) for index in range(3)], delay) == ["met"] * 3


def test_a_worker_that_does_not_come_is_named() -> None:
    first = local_cluster(3)
    for index, absent in ((0, (1, 2)), (1, (0,))):
        with pytest.raises(RunError) as missed:
            meet(Cluster(first.addresses, index), 0.3)
        names = ", ".join(f"worker {number} ({first.addresses[number]})" for number in absent)
        assert str(missed.value).startswith(f"{names} did not come within 0.3 s: start the same command there")


def test_a_stranger_is_no_worker() -> None:
    first = local_cluster(2)

    def call() -> None:
        host, port = first.addresses[0].split(":")
        time.sleep(0.1)
        with socket.create_connection((host, int(port))) as stranger:
            stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")

    thread = threading.Thread(target=call)
    thread.start()
    with pytest.raises(RunError, match=r"worker 1 .* did not come"):
        meet(first, 0.6)
    thread.join()


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RunError, match=rf"port {port} of worker 0 \(here:{port}\): Address already in use"):
            meet(Cluster((f"here:{port}",), 0), 1)
