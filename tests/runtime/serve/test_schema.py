"""Random requests, valid and not: the server gives documented answers alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.runtime.serve.conftest import RATE, noise
from tests.runtime.serve.processes import LISTENING, serving, wait_for

FILES = ("/api/classify", "/api/clips")
"""Random bytes are no audio files, so that what is valid by its type is refused here."""
ENDLESS = "/api/stream"


@pytest.mark.slow
def test_only_documented_answers_are_given(tmp_path: Path) -> None:
    words = ["--keep", str(tmp_path), "--rate-limit", "0", "--max-mb", "0.1", "--stall", "3600"]
    with serving(*LISTENING, *words) as served:
        served.feed(np.concatenate([noise(6), np.zeros(5 * RATE, np.float32)]))
        wait_for(lambda: any(event["clip"] for event in served.get("/api/events")["events"]))
        common = [sys.executable, "-m", "schemathesis.cli", "run", f"{served.address}/openapi.json", "--seed", "1"]
        common += ["--phases", "coverage,fuzzing", "--no-color"]
        others = [word for path in (ENDLESS, *FILES) for word in ("--exclude-path", path)]
        files = [word for path in FILES for word in ("--include-path", path)]
        for chosen in (
            ["--max-examples", "20", *others],
            ["--max-examples", "5", *files, "--exclude-checks", "positive_data_acceptance"],
        ):
            done = subprocess.run([*common, *chosen], cwd=tmp_path, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout
            assert "passed" in done.stdout
        assert served.process.poll() is None
        assert not [line for line in served.lines if "Traceback" in line]
