"""From sounds to tables through the command line of the built wheel: every printed number is computed again here.

The wheel is unpacked and run by this interpreter in an empty folder: its files are those of an installed one, and an
environment of its own with TensorFlow would take minutes more. The numbers come from NumPy, the files' sizes, Keras and
the engines themselves. The classes have unequal sizes and overlap, and a fifth of the clips is in a wrong class: the
network is right on some clips, wrong on others, and its mistakes are not symmetric.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
import subprocess
import sys
import wave
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from export.probes import probe_inputs
from toolkit.audio import decode
from toolkit.frontend.features import features
from toolkit.frontend.spec import PICTURE
from toolkit.frontend.windows import split_windows

SIZES = (5, 6, 7, 8, 9, 10)
CLASSES = tuple(f"kind{number}" for number in range(len(SIZES)))
SECONDS = 3
FILES = ("gtzanet-float32.tflite", "gtzanet-int8.tflite", "gtzanet-float32.onnx", "gtzanet-int8.onnx")
SLOW = "gtzanet-int16x8.tflite"
"""Engines have no kernels for it: a file much slower than float32 shows which way round a ratio is."""
Floats = NDArray[np.float64]


def write_sounds(folder: Path) -> None:
    """Write bands of noise that overlap; a fifth of the clips has the band of any class."""
    rng, count = np.random.default_rng(5), PICTURE.sample_rate * SECONDS
    hertz = np.maximum(np.fft.rfftfreq(count, 1 / PICTURE.sample_rate), 1)
    for number, size in enumerate(SIZES):
        (folder / CLASSES[number]).mkdir(parents=True)
        for place in range(size):
            heard = number if rng.random() > 0.2 else int(rng.integers(len(SIZES)))
            octaves = np.log2(hertz / (200 * 2**heard * rng.uniform(0.8, 1.25)))
            spectrum = np.fft.rfft(rng.standard_normal(count)) * np.exp(-0.5 * (octaves / 0.4) ** 2)
            sound = np.fft.irfft(spectrum, count)
            sound *= rng.uniform(0.2, 0.9) / np.abs(sound).max()
            with wave.open(str(folder / CLASSES[number] / f"{place:02}.wav"), "wb") as file:
                file.setparams((1, 2, PICTURE.sample_rate, 0, "NONE", ""))
                file.writeframes((sound * 32767).astype("<i2").tobytes())


def run(site: Path, folder: Path, *words: str) -> str:
    """Run a module of the unpacked wheel in a folder; return what it prints."""
    kept = {name: value for name, value in os.environ.items() if name not in ("GTZAN_ROOT", "CI")}
    command = [sys.executable, "-m", *words]
    done = subprocess.run(command, cwd=folder, env=kept | {"PYTHONPATH": str(site)}, capture_output=True, text=True)
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Chain:
    """The folder of the chain, what its commands printed, and the right answers.

    `names` are the validation clips, `truth` (n,) their classes, `pictures` (n + probes, 288, 432, 3) the network's
    inputs, `keras` its probabilities of them, `models` those of each exported file.
    """

    site: Path
    folder: Path
    names: tuple[str, ...]
    truth: NDArray[np.int64]
    pictures: NDArray[np.float32]
    keras: Floats
    models: dict[str, Floats]

    @property
    def run_folder(self) -> Path:
        return next((self.folder / "runs").iterdir())

    def path(self, name: str) -> Path:
        return self.folder / ("slow" if name == SLOW else "artifacts") / name

    def label_probabilities(self, name: str) -> Floats:
        """Return what a file's labels are printed with: its probabilities of the clips at its card's temperature."""
        return at_temperature(self.models[name][: len(self.truth)], card(self.path(name))["temperature"])


def right_answers(site: Path, folder: Path) -> Chain:
    """Compute the right answers of a trained and exported run."""
    import tf_keras

    names = json.loads(next((folder / "runs").glob("*/split.json")).read_text())["validation"]
    sounds = [decode.load(folder / "data" / name, PICTURE.sample_rate) for name in names]
    inputs = [features(split_windows(sound)[0], PICTURE) for sound in sounds]
    pictures = np.stack([*inputs, *probe_inputs(PICTURE).values()]).astype(np.float32)
    model = tf_keras.models.load_model(next((folder / "runs").glob("*/model.keras")))
    keras = np.asarray(model(pictures, training=False), np.float64)
    truth = np.array([CLASSES.index(Path(name).parent.name) for name in names])
    chain = Chain(site, folder, tuple(names), truth, pictures, keras, {})
    chain.models.update({name: probabilities(chain.path(name), pictures) for name in (*FILES, SLOW)})
    return chain


def probabilities(path: Path, pictures: NDArray[np.float32]) -> Floats:
    """Return what a model file computes, by its engine's own interface, float64 (n, classes)."""
    if path.suffix == ".onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        return np.concatenate([session.run(None, {name: one[np.newaxis]})[0] for one in pictures]).astype(np.float64)
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    results = []
    for one in pictures:
        interpreter.set_tensor(source["index"], stored(one, source)[np.newaxis])
        interpreter.invoke()
        value = interpreter.get_tensor(target["index"]).astype(np.float64)
        scale, zero = target["quantization"]
        results.append((value - zero) * scale if scale else value)
    return np.concatenate(results)


def stored(values: NDArray[np.float32], tensor: dict[str, Any]) -> NDArray[Any]:
    """Return values as a tensor holds them: integers are rounded and clipped."""
    scale, zero = tensor["quantization"]
    if not scale:
        return values
    limits = np.iinfo(tensor["dtype"])
    return np.clip(np.rint(values / scale + zero), limits.min, limits.max).astype(tensor["dtype"])


def card(path: Path) -> dict[str, Any]:
    """Return the card in a model file: an entry of the appended ZIP, or of ONNX's metadata."""
    if path.suffix == ".tflite":
        value: dict[str, Any] = json.loads(zipfile.ZipFile(path).read("card.json"))
        return value
    import onnxruntime

    metadata = onnxruntime.InferenceSession(str(path)).get_modelmeta().custom_metadata_map
    (text,) = [text for text in metadata.values() if text.startswith("{")]
    value = json.loads(text)
    return value


def at_temperature(values: Floats, temperature: float) -> Floats:
    """Return probabilities to the power of 1 / temperature, scaled so that they add up to 1."""
    powers = np.maximum(values, 1e-6) ** (1 / temperature)
    return np.asarray(values if temperature == 1 else powers / powers.sum(axis=1, keepdims=True))


def wilson(correct: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of Wilson (1927)."""
    z, p = 1.959963984540054, correct / n
    centre, off = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (centre - off) / (1 + z * z / n), (centre + off) / (1 + z * z / n)


def confusion(truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> list[list[int]]:
    """Return how often each class, a row, was recognised as each, a column."""
    pairs = list(zip(truth.tolist(), predicted.tolist(), strict=True))
    return [[pairs.count((true, guess)) for guess in range(len(CLASSES))] for true in range(len(CLASSES))]


def top5(truth: NDArray[np.int64], values: Floats) -> float:
    """Return the share of rows in which fewer than five classes are more probable than the true one."""
    return float(np.mean([(row > row[true]).sum() < 5 for row, true in zip(values, truth, strict=True)]))


def check_training(chain: Chain, printed: str) -> None:
    """Check `python -m train`'s lines, predictions and metrics."""
    n, truth = len(chain.truth), chain.truth
    right = chain.keras[:n].argmax(axis=1) == truth
    correct, (low, high) = int(right.sum()), wilson(int(right.sum()), n)
    assert 0 < correct < n, "a network that is always right or wrong proves little"
    best = top5(truth, chain.keras[:n])
    assert f"validation: accuracy {correct / n:.4f} ({correct}/{n}, 95 % Wilson {low:.3f} to {high:.3f}), " in printed
    assert f", top-5 {best:.4f}\n" in printed
    history = json.loads((chain.run_folder / "history.json").read_text())
    kept = max(history, key=lambda entry: (entry["val_accuracy"], -entry["val_loss"], -entry["epoch"]))
    assert f"kept: epoch {kept['epoch']} of {len(history)}, " in printed
    assert kept["val_accuracy"] == pytest.approx(correct / n)
    predictions = json.loads((chain.run_folder / "predictions.json").read_text())["validation"]
    assert predictions["names"] == list(chain.names) and predictions["labels"] == truth.tolist()
    np.testing.assert_allclose(predictions["probabilities"], chain.keras[:n], atol=1e-5)
    matrix = confusion(truth, chain.keras[:n].argmax(axis=1))
    assert matrix != np.transpose(matrix).tolist()
    measured = json.loads((chain.run_folder / "metrics.json").read_text())["validation"]
    assert measured["confusion"] == matrix
    for number, name in enumerate(CLASSES):
        row, column = sum(matrix[number]), sum(line[number] for line in matrix)
        assert measured["per_class"][name]["n"] == row
        assert measured["per_class"][name]["recall"] == pytest.approx(matrix[number][number] / row)
        assert measured["per_class"][name]["precision"] == pytest.approx(matrix[number][number] / max(1, column))
    sums = [(sum(row), sum(line[number] for line in matrix)) for number, row in enumerate(matrix)]
    recalls = [matrix[number][number] / row for number, (row, _) in enumerate(sums)]
    f1 = [2 * matrix[number][number] / (row + column) for number, (row, column) in enumerate(sums)]
    assert f"validation: macro F1 {np.mean(f1):.4f}, balanced accuracy {np.mean(recalls):.4f}\n" in printed


EXPORTED = re.compile(
    r"(?P<path>\S+): (?P<size>[\d.]+) MB, "
    r"validation accuracy (?P<accuracy>[\d.]+) \[(?P<low>[\d.]+), (?P<high>[\d.]+)\] "
    r"\(n = (?P<n>\d+)\), (?P<agreement>[\d.]+)% of the labels as Keras, probabilities off by (?P<off>\S+) at most"
)


def check_export(chain: Chain, printed: str) -> None:
    """Check a line of `python -m export` for each file."""
    n, lines = len(chain.truth), printed.splitlines()
    for line in lines:
        shown = EXPORTED.fullmatch(line)
        assert shown, line
        path = chain.folder / shown["path"]
        values = probabilities(path, chain.pictures)
        predicted = values[:n].argmax(axis=1)
        correct = int((predicted == chain.truth).sum())
        assert shown["size"] == f"{path.stat().st_size / 1e6:.2f}" and int(shown["n"]) == n
        figures = [shown[key] for key in ("accuracy", "low", "high")]
        assert figures == [f"{value:.3f}" for value in (correct / n, *wilson(correct, n))]
        assert shown["agreement"] == f"{100 * np.mean(predicted == chain.keras[:n].argmax(axis=1)):.1f}"
        off = np.abs(values - chain.keras).max()
        assert float(shown["off"]) == pytest.approx(off, rel=0.06, abs=5e-7), "two digits; float32 sums in any order"


def check_runtime(chain: Chain, name: str) -> None:
    """Check `python -m runtime`'s JSON, CSV and table of two clips."""
    values = chain.label_probabilities(name)
    wrong, right = ((values.argmax(axis=1) == chain.truth) == state for state in (False, True))
    places = [int(np.flatnonzero(which)[0]) for which in (wrong, right)]
    clips = [f"data/{chain.names[place]}" for place in places]
    model = str(chain.path(name))
    lines = run(chain.site, chain.folder, "runtime", *clips, "--model", model, "--json").splitlines()
    rows = list(
        csv.DictReader(io.StringIO(run(chain.site, chain.folder, "runtime", *clips, "--model", model, "--csv")))
    )
    for clip, place, line, row in zip(clips, places, lines, rows, strict=True):
        expected, value = values[place], json.loads(line)
        label, most = CLASSES[expected.argmax()], expected.max()
        assert value["file"] == row["file"] == clip and value["label"] == row["label"] == label
        assert value["model"] == row["model"] == name.partition(".")[0]
        assert value["confidence"] == pytest.approx(most, abs=2e-5)
        assert float(row["confidence"]) == pytest.approx(most, abs=2e-5)
        for number, one in enumerate(CLASSES):
            assert value["probabilities"][one] == pytest.approx(expected[number], abs=2e-5)
            assert float(row[one]) == pytest.approx(expected[number], abs=2e-5)
        shares = list(value["probabilities"].values())
        assert shares == sorted(shares, reverse=True)
        (window,) = value["windows"]
        assert (window["start"], window["end"], window["silent"]) == (0, SECONDS, False)
        parts = dict(value["timings_ms"])
        total = parts.pop("total")
        assert min(parts.values()) >= 0 and total == pytest.approx(sum(parts.values()), abs=0.01)
        assert float(row["total_ms"]) > 0
    check_table(chain, name, clips[0], values[places[0]])


def check_table(chain: Chain, name: str, clip: str, expected: Floats) -> None:
    """Check the table of one clip."""
    words = ("runtime", clip, "--model", str(chain.path(name)), "--top", "4")
    heading, accuracy, _, first, *shown = run(chain.site, chain.folder, *words).splitlines()
    correct, n = int((chain.models[name][: len(chain.truth)].argmax(axis=1) == chain.truth).sum()), len(chain.truth)
    low, high = wilson(correct, n)
    assert heading.startswith(f"{name.partition('.')[0]} ({chain.path(name)}; ")
    assert accuracy == f"validation accuracy {correct / n:.3f} [{low:.3f}, {high:.3f}], n = {n}, split stratified"
    times = re.fullmatch(r"\S+: \S+  \((\d+) ms: read (\d+), picture (\d+), network (\d+)\)", first)
    assert times and first.startswith(f"{clip}: {CLASSES[expected.argmax()]}  (")
    total, *parts = map(int, times.groups())
    assert sum(parts) <= total + 2
    order = np.argsort(-expected)[:4]
    assert len(shown) == 4
    for line, number in zip(shown, order, strict=True):
        label, share, *bar = line.split()
        assert label == CLASSES[number]
        assert float(share.rstrip("%")) == pytest.approx(100 * expected[number], abs=0.051)
        assert abs(len("".join(bar)) - 24 * expected[number]) <= 0.51


def columns(printed: str) -> list[dict[str, str]]:
    """Return the rows of a printed table by their headings; the dashes below these say where columns are."""
    head, dashes, *lines = printed.split("\n\n")[0].splitlines()
    spans = [match.span() for match in re.finditer("-+", dashes)]
    return [{head[a:b].strip(): line[a : b + 1].strip() for a, b in spans} for line in lines]


def check_benchmarks(chain: Chain, printed: str, value: dict[str, Any]) -> None:
    """Check the table and the JSON of `python -m benchmarks`."""
    rows = {Path(row["file"]).name: row for row in value["rows"]}
    table = {row["model"]: row for row in columns(printed)}
    assert set(rows) == set(table) == {*FILES, SLOW}
    for name, row in rows.items():
        check_accuracy(chain, name, row, table[name], rows)
        check_times(row, table[name], rows[f"gtzanet-float32{Path(name).suffix}"])
        assert table[name]["size MB"] == f"{row['size_bytes'] / 1e6:.2f}"
        assert row["size_bytes"] == chain.path(name).stat().st_size
        fresh = row["fresh"]
        assert fresh["peak_bytes"] > 10 * row["size_bytes"] and fresh["seconds"] > fresh["import_seconds"] > 0
        assert table[name]["peak MB"] == f"{fresh['peak_bytes'] / 1e6:.0f}"
        assert table[name]["fresh start s"] == f"{fresh['seconds']:.2f}"
        assert table[name]["front"] == ("yes" if is_in_front(row, rows.values()) else "-")
    peaks = [rows[f"gtzanet-float32.{suffix}"]["fresh"]["peak_bytes"] for suffix in ("tflite", "onnx")]
    assert peaks[0] < peaks[1], "ONNX Runtime's library alone is larger than LiteRT's"
    best = rows[Path(value["advice"]["name"]).name]
    figures = f"{best['file_to_label']['p50_ms']:.1f} ms, {best['size_bytes'] / 1e6:.2f} MB, accuracy "
    assert f"{figures}{best['accuracy']['accuracy']:.3f}" in printed


def check_accuracy(
    chain: Chain, name: str, row: dict[str, Any], shown: dict[str, str], rows: dict[str, dict[str, Any]]
) -> None:
    """Check what a row says about labels."""
    n, truth = len(chain.truth), chain.truth
    predicted = chain.models[name][:n].argmax(axis=1)
    correct, detail = int((predicted == truth).sum()), row["detail"]
    low, high = wilson(correct, n)
    assert shown["accuracy [95 %]"] == f"{correct / n:.3f} [{low:.3f}, {high:.3f}]" and shown["n"] == str(n)
    assert (row["accuracy"]["correct"], row["accuracy"]["n"]) == (correct, n)
    assert detail["confusion"] == confusion(truth, predicted)
    values = chain.label_probabilities(name)
    assert detail["top5"] == pytest.approx(top5(truth, values))
    bins = np.minimum((values.max(axis=1) * 15).astype(int), 14)
    gaps = [(values.max(axis=1) - (predicted == truth))[bins == number].sum() for number in range(15)]
    assert detail["calibration_error"] == pytest.approx(np.abs(gaps).sum() / n, abs=1e-4)
    if "float32" in name:
        assert shown["vs float32"] == "-"
        return
    beside = chain.models[f"gtzanet-float32{Path(name).suffix}"][:n].argmax(axis=1)
    won = int(((predicted == truth) & (beside != truth)).sum())
    lost = int(((predicted != truth) & (beside == truth)).sum())
    tails = sum(math.comb(won + lost, number) for number in range(min(won, lost) + 1)) / 2 ** (won + lost)
    changed = int((predicted != beside).sum())
    assert shown["vs float32"] == f"{changed} changed, +{won} -{lost}, p = {min(1, 2 * tails):.2f}"


def check_times(row: dict[str, Any], shown: dict[str, str], beside: dict[str, Any]) -> None:
    """Check that a row's times are those of its own percentiles, and its ratios those of its own times."""
    for quantity, ratio in (("network", "network_ratio"), ("file_to_label", "file_ratio")):
        times = row[quantity]
        percentiles = times["percentiles_ms"]
        assert percentiles == sorted(percentiles) and percentiles[0] > 0 and len(percentiles) == 101
        assert [times[f"p{share}_ms"] for share in (50, 90, 99)] == [percentiles[share] for share in (50, 90, 99)]
        assert times["p50_ms"] <= times["p90_ms"] <= times["p99_ms"]
        assert percentiles[0] <= times["mean_ms"] <= percentiles[100]
        assert times["seconds"] == pytest.approx(times["count"] * times["mean_ms"] / 1000)
        text = " / ".join(f"{times[f'p{share}_ms']:.1f}" for share in (50, 90, 99))
        assert shown[f"{quantity.replace('_', ' ')} p50/p90/p99 ms"] == text
        quotient = times["p50_ms"] / beside[quantity]["p50_ms"]
        assert row[ratio]["low"] <= row[ratio]["median"] <= row[ratio]["high"]
        assert row[ratio]["median"] == pytest.approx(quotient, rel=0.6), "rounds differ; upside down is far from this"
    one = row["network_ratio"]
    assert shown["x float32 [95 %]"] == f"{one['median']:.2f} [{one['low']:.2f}, {one['high']:.2f}]"
    stages = dict(row["stages"])
    total = stages.pop("total")
    assert total == pytest.approx(sum(stages.values()), abs=0.02) and total == pytest.approx(
        row["file_to_label"]["mean_ms"], rel=0.2
    )


def is_in_front(row: dict[str, Any], rows: Any) -> bool:
    """Return whether no other row is as good in all of accuracy, time, size and memory, and better in one."""

    def costs(one: dict[str, Any]) -> tuple[float, ...]:
        sizes = one["size_bytes"], one["fresh"]["peak_bytes"]
        return (-one["accuracy"]["accuracy"], one["file_to_label"]["p50_ms"], *sizes)

    own = costs(row)
    return not any(all(a <= b for a, b in zip(costs(one), own, strict=True)) and costs(one) != own for one in rows)


TRAIN = ("train", "gtzanet", "--data", "data", "--split", "stratified", "--folds", "3", "--epochs", "4")
RECIPE = ("--batch-size", "8", "--learning-rate", "0.004")
EXPORT = ("export", "--no-speed", "--max-drop", "100")
BENCHMARKS = (
    "benchmarks",
    *(f"artifacts/{name}" for name in FILES),
    f"slow/{SLOW}",
    "--data",
    "data",
    "--threads",
    "1",
)
FEW = ("--min-duration", "0", "--min-count", "4", "--json", "results.json")


@pytest.mark.slow
def test_every_printed_number_from_sounds_to_tables(wheel: Path, tmp_path: Path) -> None:
    site, folder = tmp_path / "site", tmp_path / "empty"
    zipfile.ZipFile(wheel).extractall(site)
    write_sounds(folder / "data")
    trained = run(site, folder, *TRAIN, *RECIPE)
    exported = run(site, folder, *EXPORT, "--format", "all", "--quantize", "int8")
    exported += run(site, folder, *EXPORT, "--quantize", "int16x8", "--output", "slow")
    measured = run(site, folder, *BENCHMARKS, *FEW)
    chain = right_answers(site, folder)
    check_training(chain, trained)
    check_export(chain, exported)
    for name in FILES:
        check_runtime(chain, name)
    check_benchmarks(chain, measured, json.loads((folder / "results.json").read_text()))
