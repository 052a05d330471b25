"""The timing's own faults are sentences; how fast a step is, is not tested."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

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
        speed.compare("gtzanet", Path("/data"), Recipe(), Compute())
    what = "/data: no such folder" if errors else "it ended with code -9"
    assert str(caught.value) == f"speed: the timed process failed: {what}"


def test_an_error_in_the_process_is_printed_without_its_class(tmp_path: Path) -> None:
    with pytest.raises(GtzanetError) as caught:
        speed.compare("gtzanet", tmp_path / "gone", Recipe(), Compute())
    assert "gone" in str(caught.value)
    assert not any(word in str(caught.value) for word in ("Error", "toolkit.errors", "["))


def test_one_batch_an_epoch_cannot_be_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "_timed", lambda job, environment: [])
    with pytest.raises(UsageError, match="--batch-size 5000 "):
        speed.compare("gtzanet", Path("/data"), Recipe(batch_size=5000), Compute())
