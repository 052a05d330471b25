"""Mixtures measured: built, run on training inputs, compared with Keras, and timed beside float32."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from export.calibration import Calibration
from export.card import draft_card
from export.converter import Converted
from export.inputs import batch_of
from export.keras import Reference, reference
from export.malloc import release
from export.quantize.mixer import Mixer
from export.quantize.search import FLOAT, QuantizationPlan, Trial
from export.subject import Subject
from export.variants import Variant
from export.verify import speed
from export.verify.parity import measure, probabilities_of
from runtime.engines.load import Engine, open_engine
from toolkit.artifact.file import append_card
from toolkit.errors import ArtifactError, EngineError
from toolkit.files import write_bytes
from toolkit.measure.latency import Ratio, Rounds, TimingPlan, ratio
from toolkit.measure.latency import measure as time_tasks
from toolkit.native_stderr import captured_stderr

PART = "train"
SEARCHED = 30
"""Training inputs that each mixture is run on, besides the calibration's synthetic ones."""
RACE = TimingPlan(min_seconds=2, min_count=12, warmup=1, burst_seconds=0.1, burst_count=1)


class Bench:
    """Measures mixtures of one network in one format."""

    def __init__(
        self, mixer: Mixer, variant: Variant, calibration: Calibration, subject: Subject, model: Any, max_drop: float
    ) -> None:
        self._mixer, self._variant, self._subject, self._max_drop = mixer, variant, subject, max_drop
        self._calibration = calibration
        self._expected = _expected(calibration, model)
        self._batch = batch_of(self._expected.inputs[0])

    def attempt(self, plan: QuantizationPlan) -> Trial:
        """Build a mixture and measure it; one that cannot be built or loaded is refused."""
        try:
            engine, size = self._open(plan)
        except (ArtifactError, EngineError) as error:
            never = Ratio(float("inf"), float("inf"), float("inf"))
            return Trial(plan, 0, never, 1.0, len(self._expected.inputs), f"cannot be built: {error}")
        probabilities = probabilities_of(engine, self._expected)
        rounds = self._timed([self._float, engine], speed.PLAN)
        try:
            measure(engine.card, probabilities, self._expected, PART, self._max_drop)
            refused = None
        except ArtifactError as error:
            refused = str(error).removeprefix("refused: ")
        expected = self._expected.probabilities
        return Trial(
            plan=plan,
            size=size,
            speed=ratio(rounds[1], rounds[0]),
            distance=float(np.abs(probabilities - expected).sum(axis=1).mean() / 2),
            changed=int(np.sum(probabilities.argmax(axis=1) != expected.argmax(axis=1))),
            refused=refused,
        )

    def race(self, plans: Sequence[QuantizationPlan]) -> list[Rounds]:
        """Time mixtures in turns, and float32 first; raises as `attempt`."""
        return self._timed([self._float, *(self._open(plan)[0] for plan in plans)], RACE)

    @cached_property
    def _float(self) -> Engine:
        return self._open(dict.fromkeys(self._mixer.layers, FLOAT))[0]

    def _open(self, plan: QuantizationPlan) -> tuple[Engine, int]:
        """Return an engine that has a mixture loaded, and the size of its file."""
        release()
        content = self._mixer.build(plan)
        converted = Converted(content, self._calibration, layers=plan)
        draft = draft_card(self._subject, self._variant, converted, PART, len(self._expected.labels))
        with tempfile.TemporaryDirectory(prefix="gtzanet-edge-") as folder, captured_stderr():
            path = Path(folder) / f"trial.{self._variant.format}"
            write_bytes(path, append_card(content, draft))
            return open_engine(path, threads=speed.THREADS), path.stat().st_size

    def _timed(self, engines: Sequence[Engine], plan: TimingPlan) -> list[Rounds]:
        tasks = {str(number): speed.task(engine, self._batch) for number, engine in enumerate(engines)}
        return list(time_tasks(tasks, plan).values())


def _expected(calibration: Calibration, model: Any) -> Reference:
    """Return Keras' probabilities for some calibration inputs of every class, and for the synthetic ones."""
    count = len(calibration.names)
    places = np.unique(np.linspace(0, count - 1, min(SEARCHED, count)).round().astype(int))
    probes = {f"synthetic sound {number + 1}": value for number, value in enumerate(calibration.inputs[count:])}
    names = [calibration.names[place] for place in places]
    labels = np.array(calibration.labels, np.int64)
    return reference(model, names, calibration.inputs[places], labels[places] if len(labels) else labels, probes)
