"""What becomes int8 in a TFLite file, and what stays float32."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.calibration import edge_inputs
from export.probes import PROBE_HERTZ, PROBE_SEED, synthetic_sounds
from export.tflite import convert
from export.tflite.convert import Kept, check_quantisable, kept_float, partly_int8, to_tflite, with_ranges
from export.tflite_tree import operators, unpacked
from export.tools import Unconvertible
from tests.export.hard_swish_models import INPUTS, hard_swish_model
from tests.run_maker import network
from toolkit.frontend.features import features
from toolkit.frontend.presets import PRESETS
from train.backbones.mn04 import features_model, load
from train.backbones.torch_file import read_tensors

pytestmark = pytest.mark.slow


def kinds(content: bytes) -> Counter[str]:
    return Counter(kind for kind, _ in operators(unpacked(content)))


def kernel_types(content: bytes) -> dict[int, str]:
    """Return the type of each convolution's kernel by the number of its weights."""
    from tensorflow.lite.python.schema_py_generated import TensorType

    tree = unpacked(content)
    tensors = tree.subgraphs[0].tensors
    names = {number: name for name, number in vars(TensorType).items() if isinstance(number, int)}
    steps = [operator for kind, operator in operators(tree) if kind.endswith("CONV_2D") or kind == "FULLY_CONNECTED"]
    return {int(np.prod(tensors[step.inputs[1]].shape)): names[tensors[step.inputs[1]].type] for step in steps}


def values(content: bytes, inputs: Any = INPUTS) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    rows = []
    for value in inputs:
        interpreter.set_tensor(source["index"], value[np.newaxis])
        interpreter.invoke()
        rows.append(interpreter.get_tensor(target["index"])[0])
    delegates = [step["op_name"] for step in interpreter._get_ops_details()].count("DELEGATE")
    return np.array(rows), delegates


def test_with_hard_swish_the_heavy_layers_alone_become_int8() -> None:
    model = hard_swish_model()
    exact = to_tflite(model)
    kept = kept_float(model, exact)
    assert {"HARD_SWISH", "DEPTHWISE_CONV_2D", "SOFTMAX"} <= set(kept.kinds)
    quantised = partly_int8(with_ranges(exact, INPUTS), kept, "float32")
    light, depthwise, heavy, head = 1600, 576, 4096, 256
    assert kernel_types(quantised) == {light: "FLOAT32", depthwise: "FLOAT32", heavy: "INT8", head: "FLOAT32"}
    (ours, ours_parts), (theirs, _) = values(quantised), values(exact)
    assert 0 < np.abs(ours - theirs).max() < 0.01
    assert ours_parts == 1


def test_without_hard_swish_everything_becomes_int8() -> None:
    plain = hard_swish_model(offset=2.5)
    assert kept_float(plain, to_tflite(plain)) == Kept()
    picture = network("gtzanet", 4)
    assert kept_float(picture, to_tflite(picture)) == Kept()


def test_without_heavy_layers_everything_becomes_int8(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert, "HEAVY", 10_000)
    model = hard_swish_model()
    assert kept_float(model, to_tflite(model)) == Kept()


def test_hard_swish_has_no_int16() -> None:
    with pytest.raises(Unconvertible, match="no HARD_SWISH for int16x8"):
        check_quantisable(to_tflite(hard_swish_model()), "int16x8")


def test_each_hard_swish_of_mn04_is_one_operator() -> None:
    content = to_tflite(features_model((128, 100, 1)))
    assert kinds(content)["HARD_SWISH"] == 20 and not kinds(content).keys() & {"RELU6", "MINIMUM", "RELU"}


def test_int8_features_of_mn04_point_where_those_of_float32_do(backbones: Path) -> None:
    spec = replace(PRESETS["efficientat"], window_seconds=1.0)
    model = features_model(spec.shape)
    load(model, read_tensors(backbones / "mn04_as_mAP_432.pt"))
    exact = to_tflite(model)
    quantised = partly_int8(with_ranges(exact, edge_inputs(spec)), kept_float(model, exact), "float32")
    probes = np.stack([features(sound, spec) for sound in synthetic_sounds(spec, PROBE_SEED, PROBE_HERTZ).values()])
    (ours, parts), (theirs, _) = values(quantised, probes), values(exact, probes)
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    assert ((ours * theirs).sum(axis=1) / lengths).min() > 0.98
    assert parts == 1
    assert len(quantised) < 0.45 * len(exact)
