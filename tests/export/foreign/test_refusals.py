"""What is refused of somebody's Keras model: one sentence, before any long work, and nothing is written."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.cli import entry
from tests.export.foreign.zoo import BANDS, FRAMES, FRONT_END, LABELS, keras_of, labels_file, saved
from tests.export.test_refusals import refused


def small(k: Any) -> Any:
    layers = k.layers
    source = layers.Input((BANDS, FRAMES, 1))
    value = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, 2, activation="relu")(source))
    return k.Model(source, layers.Dense(len(LABELS), activation="softmax")(value))


def two_inputs(k: Any) -> Any:
    model, other = small(k), k.layers.Input((4,))
    return k.Model([model.input, other], k.layers.Add()([model.output, other]))


def two_outputs(k: Any) -> Any:
    model = small(k)
    return k.Model(model.input, [model.output, k.layers.Dense(2)(model.output)])


def broken_weights(k: Any) -> Any:
    model = small(k)
    model.layers[-1].set_weights([np.full((4, 4), np.nan), np.zeros(4)])
    return model


def with_lambda(k: Any) -> Any:
    source = k.layers.Input((BANDS, FRAMES, 1))
    return k.Model(source, small(k)(k.layers.Lambda(lambda value: value * 2, name="twice")(source)))


def with_a_scripts_layer(k: Any) -> Any:
    return with_custom_layer(k, "__main__")


def with_custom_layer(k: Any, module: str = __name__) -> Any:
    class Doubling(k.layers.Layer):
        def call(self, value: Any) -> Any:
            return value * 2

    Doubling.__module__ = module
    source = k.layers.Input((BANDS, FRAMES, 1))
    return k.Model(source, small(k)(Doubling(name="mine")(source)))


def with_a_function(k: Any) -> Any:
    import tensorflow as tf

    source = k.layers.Input((BANDS, FRAMES, 1))
    return k.Model(source, small(k)(tf.math.exp(source)))


def other_size(k: Any) -> Any:
    source = k.layers.Input((96, 64, 1))
    return k.Model(source, k.layers.Dense(len(LABELS), activation="softmax")(k.layers.Flatten()(source)))


def wrong_axis(k: Any) -> Any:
    model = small(k)
    scores = k.layers.Dense(len(LABELS))(model.layers[-2].output)
    return k.Model(model.input, k.layers.Softmax(axis=0)(scores))


def either_way(k: Any) -> Any:
    model = small(k)
    scores = k.layers.Dense(len(LABELS))(model.layers[-2].output)
    return k.Model(model.input, k.layers.ReLU()(scores))


@pytest.mark.parametrize(
    ("package", "builder", "suffix", "code", "message"),
    [
        ("tf_keras", two_inputs, ".keras", 2, "has 2 inputs, not one"),
        ("keras", two_inputs, ".keras", 2, "has 2 inputs, not one"),
        ("tf_keras", two_outputs, ".h5", 2, "has 2 outputs, not one"),
        ("tf_keras", broken_weights, ".keras", 1, "are not finite"),
        ("keras", broken_weights, ".keras", 1, "are not finite"),
        ("tf_keras", with_lambda, ".keras", 1, "the layer twice is a Lambda"),
        ("tf_keras", with_lambda, ".h5", 1, "the layer twice is a Lambda"),
        ("keras", with_lambda, ".keras", 1, "the layer twice is a Lambda"),
        ("tf_keras", with_custom_layer, ".keras", 1, "the layer mine is of the class Doubling"),
        ("keras", with_custom_layer, ".keras", 1, "the layer mine is of the class Doubling"),
        ("keras", with_a_scripts_layer, ".keras", 1, "the layer mine is of the class Doubling"),
        ("tf_keras", with_a_scripts_layer, ".keras", 1, "the layer mine is of the class Doubling"),
        ("tf_keras", with_custom_layer, ".h5", 1, "Doubling"),
        (
            "tf_keras",
            other_size,
            ".keras",
            2,
            "its input is 96 x 64 x 1, but the front end computes 64 x 63 x 1 of 16000",
        ),
        ("tf_keras", wrong_axis, ".keras", 2, "its softmax does not add up to 1"),
        ("keras", either_way, ".keras", 2, "say --activation softmax or sigmoid"),
    ],
)
def test_models_that_are_not_one_network(
    package: str,
    builder: Callable[[Any], Any],
    suffix: str,
    code: int,
    message: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    path = saved(tmp_path, package, builder, suffix)
    arguments = [str(path), "--labels", str(labels_file(tmp_path)), *FRONT_END]
    assert message in refused(arguments, capfd, tmp_path / "out", code)


def test_files_that_are_no_whole_model(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    flags = ["--labels", str(labels_file(tmp_path)), *FRONT_END]
    content = {suffix: saved(tmp_path, "tf_keras", small, suffix).read_bytes() for suffix in (".keras", ".h5")}
    cases = [
        ("cut.keras", content[".keras"][:-100], 1, "damaged, or cut short"),
        ("flipped.keras", content[".keras"].replace(b"Conv2D", b"Conv9D"), 1, "damaged"),
        ("cut.h5", content[".h5"][: len(content[".h5"]) // 2], 1, "damaged, or cut short"),
        ("model.pkl", pickle.dumps({"a": 1}), 2, "a pickle, which may run any code"),
        ("model.tflite", b"\x1c\0\0\0TFL3", 2, "a TFLite model, which is converted already"),
        ("notes.txt", b"hello, world", 2, "an unknown kind of file"),
    ]
    for name, data, code, message in cases:
        (tmp_path / name).write_bytes(data)
        assert message in refused([str(tmp_path / name), *flags], capfd, tmp_path / "out", code), name
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme", "hello")
    assert "a ZIP archive without a Keras" in refused([str(tmp_path / "other.zip"), *flags], capfd, tmp_path / "out", 2)
    weights = tmp_path / "weights.h5"
    small(keras_of("tf_keras")).save_weights(weights)
    assert "holds weights alone" in refused([str(weights), *flags], capfd, tmp_path / "out", 2)


def edited(path: Path, target: Path, entry_name: str, old: bytes, new: bytes) -> str:
    """Copy a .keras file with a text in one of its entries replaced; return the copy's path."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            text = source.read(name)
            assert name != entry_name or old in text
            copy.writestr(name, text.replace(old, new) if name == entry_name else text)
    return str(target)


def test_a_file_of_a_newer_keras_says_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = saved(tmp_path, "keras", small)
    version = json.loads(zipfile.ZipFile(path).read("metadata.json"))["keras_version"].encode()
    half = edited(path, tmp_path / "half.keras", "metadata.json", version, b"3.99.0")
    flags = ["--labels", str(labels_file(tmp_path)), *FRONT_END]
    newer = edited(Path(half), tmp_path / "newer.keras", "config.json", b'"Conv2D"', b'"Conv9D"')
    assert "saved by Keras 3.99.0, and 3." in refused([newer, *flags], capfd, tmp_path / "out")


def test_a_function_that_reaches_files_is_not_loaded(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = saved(tmp_path, "tf_keras", with_a_function)
    bad = edited(path, tmp_path / "bad.keras", "config.json", b'"math.exp"', b'"io.read_file"')
    arguments = [bad, "--labels", str(labels_file(tmp_path)), *FRONT_END]
    assert "calls tf.io.read_file, which a network does not need" in refused(arguments, capfd, tmp_path / "out")


def test_flags_that_do_not_go_together(tmp_path: Path, run_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path, out = str(saved(tmp_path, "tf_keras", small)), tmp_path / "out"
    labels = str(labels_file(tmp_path))
    whole = [path, "--labels", labels, *FRONT_END]
    cases = [
        ([path, *FRONT_END], "needs --labels FILE and --front-end NAME"),
        ([path, "--labels", str(tmp_path / "none.txt"), *FRONT_END], "cannot be read"),
        ([path, "--labels", labels, "--front-end", "none"], "there is no front end 'none'"),
        (
            [*whole, "--quantize", "int8"],
            "--quantize int8: ranges are measured on sounds: name some with --calibration-s",
        ),
        ([*whole, "--quantize", "mixed"], "name some with --calibration-sounds or --data"),
        ([*whole, "--calibration-sounds", str(tmp_path / "none")], "no such folder"),
        ([*whole, "--calibration-sounds", str(tmp_path)], "holds 0 audio files"),
        ([*whole, "--qat", "--quantize", "int8", "--calibration-sounds", str(tmp_path)], "--qat belongs to a run"),
        ([*whole, "--split", "paper"], "--split needs --data"),
        ([*whole, "--input", "picture"], "this network accepts a grid"),
        ([*whole, "--axes", "frames,bands"], "with the axes frames,bands"),
        ([*whole, "--activation", "sigmoid"], "its output is a softmax already"),
        ([*whole, "--window", "0"], "--window: the front-end spec's window_seconds is 0.0"),
        ([str(tmp_path / "none.keras"), *whole[1:]], "none.keras: no such file: name a Keras model"),
        ([str(run_folder), "--labels", labels], "--labels belongs to a Keras model"),
    ]
    for arguments, message in cases:
        assert message in refused(arguments, capfd, out, 2), arguments
    (tmp_path / "labels.txt").write_text("bark\nhorn\nrain\n")
    assert "has 4 outputs, but --labels has 3 labels" in refused(whole, capfd, out, 2)
    (tmp_path / "labels.txt").write_text("bark\nhorn\nrain\nbark\n")
    assert "a label occurs twice" in refused(whole, capfd, out, 2)


def test_labels_are_read_as_attach_reads_them(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path, table = str(saved(tmp_path, "tf_keras", small)), tmp_path / "map.csv"
    table.write_text("\ufeffindex,name\n0,bark\n1,horn\n2,rain\n")
    arguments = [path, "--labels", str(table), *FRONT_END]
    assert "has 4 outputs, but --labels has 3 labels" in refused(arguments, capfd, tmp_path / "out", 2)


def test_sounds_without_a_label_of_the_network_are_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from tests.export.foreign.zoo import write_sounds

    data = write_sounds(tmp_path / "data")
    (data / "saw").rename(data / "Saw")
    path = saved(tmp_path, "tf_keras", small)
    arguments = [str(path), "--labels", str(labels_file(tmp_path)), *FRONT_END, "--data", str(data)]
    assert "the class Saw is none of the labels" in refused(arguments, capfd, tmp_path / "out", 2)


def test_lengths_that_the_model_leaves_open_are_the_front_ends(tmp_path: Path) -> None:
    def open_lengths(k: Any) -> Any:
        source = k.layers.Input((None, BANDS))
        value = k.layers.GlobalAveragePooling1D()(k.layers.Conv1D(4, 3, activation="relu")(source))
        return k.Model(source, k.layers.Dense(len(LABELS), activation="softmax")(value))

    path = saved(tmp_path, "tf_keras", open_lengths)
    arguments = [str(path), "--labels", str(labels_file(tmp_path)), *FRONT_END, "--output", str(tmp_path / "out")]
    assert entry(arguments) == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["open_lengths-float32.tflite"]
