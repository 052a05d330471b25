"""The parts of an ONNX model and their times, as ONNX Runtime's own profiler reports them."""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.profile.layers import Segment, Step, marked, ranges, segment
from toolkit.errors import EngineError
from toolkit.measure.latency import TimingPlan, measure

FLOAT = ("Conv", "FusedConv", "Gemm", "FusedGemm", "MatMul", "FusedMatMul")
INTEGER = (
    *("ConvInteger", "QLinearConv", "QGemm", "MatMulInteger", "QLinearMatMul"),
    *("DynamicQuantizeMatMul", "MatMulIntegerToFloat"),
)
DYNAMIC = ("ConvInteger", "MatMulInteger", "DynamicQuantizeMatMul", "MatMulIntegerToFloat")
"""Those whose input was made integer just before them, and whose output is float32 again."""
WARMUP = 2


def profile_onnx(content: bytes, batch: NDArray[np.float32], threads: int, plan: TimingPlan) -> list[Segment]:
    try:
        import onnxruntime
    except ImportError as error:
        raise EngineError(f"timing operators needs ONNX Runtime ({error}): run `pip install onnxruntime`") from None
    with tempfile.TemporaryDirectory(prefix="gtzanet-edge-") as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.enable_profiling, options.profile_file_prefix = True, str(Path(folder) / "profile")
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        feed = {session.get_inputs()[0].name: batch}
        measure({"model": lambda number: session.run(None, feed)}, plan)
        events = json.loads(Path(session.end_profiling()).read_text())
    return parts_of(events)


def parts_of(events: Iterable[dict[str, Any]]) -> list[Segment]:
    """Return the parts in ONNX Runtime's profile; every run lists the nodes in the order they ran in."""
    times: defaultdict[str, list[float]] = defaultdict(list)
    steps: dict[str, Step] = {}
    for event in events:
        if event.get("cat") != "Node" or not event["name"].endswith("_kernel_time"):
            continue
        name, details = event["name"].removesuffix("_kernel_time"), event["args"]
        kind, weights = details["op_name"], ""
        if kind in (*FLOAT, *INTEGER):
            weights = "8-bit" if kind in INTEGER else "float32"
        input_type = next((str(one) for shape in details.get("input_type_shape", ())[:1] for one in shape), "")
        steps[name] = Step(kind, input_type, weights, chained=kind not in DYNAMIC)
        times[name].append(event["dur"] / 1e3)
    names = list(steps)
    parts = []
    for start, stop in ranges([bool(step.weights) for step in steps.values()]):
        group = names[start:stop]
        heavy = next((name for name in group if steps[name].weights), group[-1])
        spent = sum(float(np.median(times[name][WARMUP:] or times[name])) for name in group)
        parts.append(segment(heavy, [steps[name] for name in group], steps[heavy].weights or "float32", spent))
    return marked(parts)
