"""What latency is measured on: a window as the model at hand hears it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.measure.clips import clip_in, window
from toolkit.frontend.presets import PRESETS
from toolkit.frontend.spec import PICTURE, FrontEnd


@pytest.mark.parametrize("spec", [PICTURE, PRESETS["log-mel"], PRESETS["efficientat"]])
def test_a_window_has_the_models_length_and_rate(spec: FrontEnd, tmp_path: Path) -> None:
    samples = window(clip_in(tmp_path, None), spec)
    assert samples.shape == (spec.window_samples,) and samples.any()
