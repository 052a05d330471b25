"""`python -m runtime.trial MODEL ENGINE`: run a model in a process of its own, which may crash; one line of JSON.

The doctor reads `milliseconds` on one thread, `peak_mb` of memory (null where the system does not tell), and
`distance` from the golden outputs and its `limit` (null where there are none): the larger distance of those on one
thread and on several.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

import numpy as np

from runtime.engines.load import default_threads, open_engine
from runtime.golden import golden_distance, tolerance
from runtime.preprocess import model_input
from toolkit.errors import GtzanetError


def trial(path: str, engine: str) -> dict[str, float | None]:
    """Return what a model does in an engine; the errors are those of `open_engine` and of the engine."""
    model = open_engine(path, engine=engine, threads=1)
    batch = model_input(np.zeros(model.card.front_end.window_samples, np.float32), model.card)[np.newaxis]
    model.run(batch)
    start = time.perf_counter()
    model.run(batch)
    milliseconds = 1e3 * (time.perf_counter() - start)
    measured: dict[str, float | None] = {
        "milliseconds": milliseconds,
        "peak_mb": _peak_mb(),
        "distance": None,
        "limit": None,
    }
    if golden := model.card.golden:
        models = [model, open_engine(path, engine=engine)] if default_threads() > 1 else [model]
        distance = max(golden_distance(model, golden) for model in models)
        measured |= {"distance": distance, "limit": tolerance(model.card)}
    return measured


def _peak_mb() -> float | None:
    status = Path("/proc/self/status")
    kilobytes = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(kilobytes[1]) * 1024 / 1e6 if kilobytes else None


if __name__ == "__main__":
    try:
        print(json.dumps(trial(*sys.argv[1:])))
    except GtzanetError as error:
        raise SystemExit(str(error)) from None
