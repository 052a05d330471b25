"""The timing's own faults are sentences; how fast a step is, is not tested."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from toolkit.dataclass_json import from_json
from toolkit.errors import GtzanetError, RunError, UsageError
from train import speed
from train.config import Compute, Recipe


@pytest.mark.parametrize(
    ("code", "errors", "expected"),
    [
        (1, "a line\n/data: no such folder\n", RunError),
        (2, "/data: no such folder\n", UsageError),
        (-9, "", RunError),
    ],
)
def test_a_failed_process_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, code: int, errors: str, expected: type[GtzanetError]
) -> None:
    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, code, "", errors)

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(expected) as caught:
        speed.speed_table("gtzanet", Path("/data"), "cpu", Recipe(), Compute())
    what = "/data: no such folder" if errors else "it ended with code -9"
    assert str(caught.value) == f"speed: the timed process failed: {what}"


def test_an_error_in_the_process_is_printed_without_its_class(tmp_path: Path) -> None:
    with pytest.raises(GtzanetError) as caught:
        speed.speed_table("gtzanet", tmp_path / "gone", "cpu", Recipe(), Compute())
    assert "gone" in str(caught.value)
    assert not any(word in str(caught.value) for word in ("Error", "toolkit.errors", "["))


def test_one_batch_an_epoch_cannot_be_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "_timed", lambda job: speed.Timing(job.variant.name, (), 1.0))
    with pytest.raises(UsageError, match="--batch-size 5000 is the whole training part"):
        speed.speed_table("gtzanet", Path("/data"), "cpu", Recipe(batch_size=5000), Compute())


def timing(variant: speed.Variant, seconds: float) -> speed.Timing:
    kernels = (("void cudnn::ops::pool<float, 3>(int)", 0.7), ("gemm" * 30, 0.3))
    return speed.Timing(variant.name, (seconds, seconds, seconds * 3), 4.0, 0.5, kernels)


def test_a_gpus_table(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs: list[speed.Job] = []

    def timed(job: speed.Job) -> speed.Timing:
        jobs.append(from_json(speed.Job, json.loads(json.dumps(asdict(job)))))
        if job.variant.xla:
            return speed.Timing(f"{job.variant.name}: failed (no kernel)", (), None)
        return timing(job.variant, 0.01 if job.variant.loop == "plain" else 0.004)

    monkeypatch.setattr(speed, "_timed", timed)
    text = speed.speed_table("gtzanet", Path("/data"), "gpu", Recipe(), Compute("gpu"))
    assert [job.variant for job in jobs] == list(speed.GPU_VARIANTS)
    assert "| ours, float32 | 0.00400 | 0.00400 | 0.01" in text and "| 0.40 | 50% | 4.0 |" in text
    assert "Left out: ours, float32, not deterministic, compiled by XLA: failed (no kernel)." in text
    assert "`pool` 70%; `" + ("gemm" * 30)[:57] + "...` 30%" in text


def test_the_timed_process_times_our_loop_as_for_a_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way of a GPU's run, on a processor: resident pictures, the profiler's epoch, and what is printed."""
    from tests.toolkit.trees import picture_tree
    from train import device, feed, run, timed_step

    monkeypatch.setattr(feed, "GPU", "CPU:0")
    monkeypatch.setattr(run, "gpu_versions", lambda: {"gpu": "none", "cudnn": "0"})
    monkeypatch.setattr(device, "prepare", lambda *_: None)
    monkeypatch.setattr(timed_step, "_set", lambda variant: None)
    monkeypatch.setattr(timed_step, "SPLIT", "stratified")
    root = picture_tree(tmp_path / "tree", count=6)
    variant = speed.GPU_VARIANTS[1]
    job = speed.Job("gtzanet", str(root), "gpu", Recipe(batch_size=4), Compute("gpu", "float32", 1, 1), variant)
    measured = timed_step.run_job(job)
    assert measured.variant == "ours, float32"
    assert len(measured.steps) == (timed_step.GPU_EPOCHS - 1) * 2  # 10 pictures train, 3 steps an epoch
    assert measured.first is not None and measured.first > 0 and measured.busy is None
