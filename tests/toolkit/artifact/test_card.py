"""The card: JSON and back, and every way it can be wrong."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest

from tests.cards import example_card
from toolkit.artifact.card import Card
from toolkit.artifact.card_sections import GoldenCard, GoldenSample, OriginCard
from toolkit.errors import ArtifactError


def test_card_survives_json() -> None:
    for quantization in ("none", "int8"):
        card = example_card(quantization=quantization)
        assert Card.from_json(card.to_json()) == card
        assert Card.from_json(card.to_json()).digest() == card.digest()


def test_equal_cards_give_equal_text_and_text_is_plain_json() -> None:
    assert example_card().to_json() == example_card().to_json()
    value = json.loads(example_card().to_json())
    assert value["labels"] == ["high", "low"]
    assert value["front_end"]["sample_rate"] == 22050
    assert value["accuracy"]["wilson95"] == [0.5, 0.9]


def test_zero_width_joiners_are_text() -> None:
    card = example_card(labels=("می\u200cخواهم", "👨\u200d👩\u200d👧"))
    assert Card.from_json(card.to_json()).labels == card.labels


def test_unknown_version_is_refused_before_anything_else() -> None:
    with pytest.raises(ArtifactError, match="format version 3 is not known.*update"):
        Card.from_dict({"format_version": 3, "something": "new"})


def change(path: str, value: Any, of: Card | None = None) -> dict[str, Any]:
    card: dict[str, Any] = copy.deepcopy((of or example_card(quantization="int8")).to_dict())
    *parents, last = path.split(".")
    place = card
    for name in parents:
        place = place[name]
    if value is KeyError:
        del place[last]
    else:
        place[last] = value
    return card


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("model", KeyError, "model is missing"),
        ("model", 3, "model is a whole number, not text"),
        ("model", "", "model is empty"),
        ("model", "a\nb", "model is unprintable"),
        ("dataset.name", "\x1b[31mred", "dataset.name is unprintable"),
        ("dataset.notice", "\ud800", "dataset.notice is unprintable"),
        ("licence", "x" * 1001, "licence is unprintable or longer than 1000"),
        ("split.name", "\u2028", "split.name is unprintable"),
        ("extra", 1, "extra is not a known field"),
        (
            "fine_tuning",
            {"epochs": 0, "learning_rate": 0.1, "seed": 0},
            "fine_tuning is of 0 epochs, but of one or more",
        ),
        ("fine_tuning", {"epochs": 2}, "fine_tuning.learning_rate is missing"),
        ("new\nline", 1, r"'new\\nline' is not a known field"),
        ("format_version", "1", "format_version is text"),
        ("format_version", True, "format_version is true or false"),
        ("labels", ["only"], "1 labels"),
        ("labels", ["low", "low"], "a label occurs twice"),
        ("labels", ["low", " "], "is blank"),
        ("labels", ["low", "hi\ngh"], "unprintable"),
        ("labels", ["low", "x" * 201], "longer than"),
        ("labels", ["low", "high", "mid"], "output.shape"),
        ("labels", "high", "labels is text, not a list"),
        ("labels", ["low", None], r"labels\[1\] is null"),
        ("front_end.height", 100, "front-end"),
        ("front_end.colour", 1, "front-end spec has an unknown field"),
        ("front_end", None, "front-end"),
        ("input.dtype", "float64", "input.dtype"),
        ("input.shape", [1, 28, 28, 3], "input.shape"),
        ("input.scale", None, "needs scale and zero_point"),
        ("input.scale", -1.0, "input.scale is -1.0, not above zero"),
        ("input.scale", 0.0, "input.scale is 0.0, not above zero"),
        ("output.scale", 0, "output.scale is 0.0, not above zero"),
        ("input.zero_point", 128, "input.zero_point is 128, not -128 to 127"),
        ("output.zero_point", -129, "output.zero_point is -129, not -128 to 127"),
        ("input.dtype", "uint8", "input.zero_point is -128, not 0 to 255"),
        ("input.dtype", "int16", "input.dtype is 'int16', not one of float32, int8, uint8"),
        ("temperature", 0.49, "temperature is 0.49, not 0.5 to 10.0"),
        ("temperature", 10.1, "temperature is 10.1, not 0.5 to 10.0"),
        ("parity.keras_correct", 11, "parity.keras_correct is 11 of 10"),
        ("input.scale", float("nan"), "input.scale is not a finite number"),
        pytest.param("input.scale", 10**400, "input.scale is not a finite number", id="huge input.scale"),
        pytest.param("input.zero_point", 10**400, "input.zero_point does not fit 64 bits", id="huge input.zero_point"),
        ("input.shape", [1, 2**63], r"input.shape\[1\] does not fit"),
        pytest.param("format_version", 10**400, "format_version does not fit", id="huge format_version"),
        pytest.param("front_end.top_db", 10**400, "top_db", id="huge front_end.top_db"),
        ("input.zero_point", 1.5, "input.zero_point is a number, not a whole number"),
        ("output.dtype", "float32", "output needs scale"),
        ("quantization", "int4", "quantization is 'int4'"),
        ("quantization", "none", "calibration is given if"),
        ("float_ops", "MEAN", "float_ops is text, not a list"),
        ("quantization", "mixed", "quantization is mixed, but layers are not given"),
        ("input_level", "sound", "input_level is 'sound', not one of picture, grid, mel, waveform"),
        ("input_level", "waveform", r"the front end makes \(1, 661504\)"),
        ("input_level", "mel", r"the front end makes \(1, 128, 1293\)"),
        ("layers", {"conv": "int4"}, "layers.conv is 'int4', not one of float32, dynamic, int8"),
        ("layers", ["conv"], "layers is a list, not an object"),
        ("calibration", None, "calibration is given if"),
        ("calibration.items", KeyError, "calibration.items is missing"),
        ("calibration", [], "calibration is a list, not an object"),
        ("accuracy.correct", 99, "99 correct of 10"),
        ("accuracy.accuracy", 0.9, "accuracy is 0.9"),
        ("accuracy.n", 10**18, "7 correct of 1000000000000000000"),
        ("accuracy.wilson95", [0.1], "has 1 values, not 2"),
        ("accuracy.wilson95", [0.9, 0.5], "accuracy.wilson95 is 0.9 to 0.5"),
        ("accuracy.wilson95", [-0.1, 0.5], "accuracy.wilson95"),
        ("accuracy.wilson95", [0.5, 1e308], "accuracy.wilson95"),
        ("versions", {"num\npy": "2"}, "versions.'num"),
        ("versions", {"numpy": 2}, "versions.numpy"),
        ("dataset.synthetic", 0, "dataset.synthetic"),
    ],
)
def test_every_malformation_has_its_message(path: str, value: Any, message: str) -> None:
    with pytest.raises(ArtifactError, match=message) as caught:
        Card.from_dict(change(path, value))
    assert str(caught.value).isprintable() and len(str(caught.value)) < 300


@pytest.mark.parametrize("scale", [float("nan"), float("inf"), 0.0])
def test_a_card_that_is_built_has_a_scale_that_divides(scale: float) -> None:
    card = example_card(quantization="int8")
    with pytest.raises(ArtifactError, match="input.scale is .*, not above zero"):
        replace(card, input=card.input._replace(scale=scale))


@pytest.mark.parametrize(("dtype", "zero_point"), [("int8", -128), ("int8", 127), ("uint8", 0), ("uint8", 255)])
def test_a_zero_point_may_be_any_value_of_the_type(dtype: str, zero_point: int) -> None:
    card = example_card(quantization="int8")
    assert replace(card, input=card.input._replace(dtype=dtype, zero_point=zero_point)).input.zero_point == zero_point


@pytest.mark.parametrize("text", ["", "[]", "null", "{", '{"a": 1, "a": 2}', "[" * 100_000, '"card"', "1"])
def test_text_that_is_no_card(text: str) -> None:
    with pytest.raises(ArtifactError, match="model card"):
        Card.from_json(text)


def test_an_int_is_a_fine_number_where_a_float_is_expected() -> None:
    card = Card.from_dict(change("input.scale", 1))
    assert card.input.scale == 1.0 and isinstance(card.input.scale, float)


def test_a_waveform_is_float32_and_a_mixture_has_no_float_ops() -> None:
    card = example_card(quantization="int8").to_dict()
    waveform = {**card, "input_level": "waveform", "input": {**card["input"], "shape": [1, 661_504]}}
    with pytest.raises(ArtifactError, match="input.dtype is int8, but a waveform is float32"):
        Card.from_dict(waveform)
    mixed = {**example_card(quantization="mixed").to_dict(), "float_ops": ["MEAN"]}
    with pytest.raises(ArtifactError, match="float_ops are given, but quantization is none of int8, int16x8"):
        Card.from_dict(mixed)


def test_a_mixed_model_says_what_each_layer_is() -> None:
    card = example_card(quantization="mixed")
    assert Card.from_json(card.to_json()) == card and card.precision == "mixed"
    partial = {**example_card(quantization="int8").to_dict(), "layers": {"conv": "int8", "dense": "dynamic"}}
    assert Card.from_dict(partial).precision == "int8"
    halved = {**example_card(quantization="float16").to_dict(), "layers": partial["layers"]}
    with pytest.raises(ArtifactError, match="layers are given, but quantization is neither mixed nor int8"):
        Card.from_dict(halved)
    wrong = {**card.to_dict(), "layers": {"dense": "int4"}}
    with pytest.raises(ArtifactError, match="layers.dense is 'int4', not one of float32, dynamic, int8"):
        Card.from_dict(wrong)


GOLDEN = GoldenCard(0.0, 255.0, (GoldenSample(3, (0.25, 0.75)),))
ORIGIN = OriginCard("foreign", "dog", "Apache-2.0", "example.org", "a" * 64)
VERSION_2 = {
    "activation": "sigmoid",
    "thresholds": (0.2, 0.3),
    "axes": ("batch", "column", "row", "channel"),
    "origin": ORIGIN,
    "metrics": {"mAP": 0.4},
    "golden": GOLDEN,
}


def version_2_card() -> Card:
    card = example_card()
    source = card.input._replace(shape=(1, 432, 288, 3))
    return replace(card, input=source, accuracy=None, parity=None, **VERSION_2)  # type: ignore[arg-type]


def version_1_card() -> dict[str, Any]:
    value = replace(example_card(), format_version=1).to_dict()
    assert not value.keys() & VERSION_2.keys()
    return value


def test_version_2_survives_json() -> None:
    card = version_2_card()
    assert Card.from_json(card.to_json()) == card and card.multi_label


def test_version_1_is_read_and_written_as_it_is() -> None:
    card = Card.from_dict(version_1_card())
    assert card.to_dict() == version_1_card() and card.format_version == 1
    assert (card.activation, card.multi_label, card.axes, card.golden) == ("softmax", False, (), None)
    assert replace(card, format_version=2) == example_card()


@pytest.mark.parametrize("name", VERSION_2)
def test_version_1_has_no_field_of_version_2_and_version_2_has_each(name: str) -> None:
    value = version_2_card().to_dict()
    with pytest.raises(ArtifactError, match=f"{name} is not a known field"):
        Card.from_dict({**version_1_card(), name: value[name]})
    with pytest.raises(ArtifactError, match=f"{name} is missing"):
        Card.from_dict({key: item for key, item in value.items() if key != name})
    if name in ("origin", "metrics", "golden"):
        with pytest.raises(ArtifactError, match=f"format_version is 1, which has no {name}"):
            replace(example_card(), format_version=1, **{name: VERSION_2[name]})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["accuracy", "parity"])
def test_version_1_states_what_was_measured(name: str) -> None:
    with pytest.raises(ArtifactError, match=f"{name} is null, not an object"):
        Card.from_dict({**version_1_card(), name: None})


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("activation", "relu", "activation is 'relu', not one of softmax, sigmoid"),
        ("activation", "softmax", "there are 2 thresholds, but 0 for softmax and 2 labels"),
        ("thresholds", [0.5], "there are 1 thresholds, but 2 for sigmoid and 2 labels"),
        ("thresholds", [0.5, 1.1], "a threshold is not within 0 to 1"),
        ("temperature", 2.0, "temperature is 2.0, but 1 for sigmoid"),
        ("axes", ["batch", "row", "column", "channel"], r"input.shape is \(1, 432, 288, 3\), but the front end makes"),
        ("axes", ["batch", "column", "row", "band"], "a picture has no axis 'band', but batch, channel, row, column"),
        ("axes", ["batch", "column", "row", "row"], "one occurs twice"),
        ("axes", ["batch", "column", "row"], "channel is missing"),
        ("axes", ["column", "batch", "row", "channel"], "the batch is not first"),
        ("min_confidence", 0.5, "min_confidence is 0.5, not 0 to 1, or not of a softmax"),
        ("origin.kind", "stolen", "origin.kind is 'stolen', not one of run, keras, backbone, foreign"),
        ("origin.digest", "A" * 64, "origin.digest is 'A+', not a SHA-256"),
        ("golden.high", 0.0, "golden values lie from 0.0 to 0.0"),
        ("golden.samples", [], "there are 0 golden samples, not 1 to 16"),
        ("golden.samples", [{"seed": -1, "output": [0, 1]}], r"golden.samples\[0\].seed is -1, not 0 to 4294967295"),
        ("golden.samples", [{"seed": 1, "output": [0]}], r"samples\[0\].output has 1 values, but there are 2 labels"),
        ("parity", example_card().to_dict()["parity"], "parity.keras_correct is 7 of 0"),
        ("metrics", {"mAP": None}, "metrics.mAP is null, not a number"),
    ],
)
def test_every_malformation_of_version_2_has_its_message(path: str, value: Any, message: str) -> None:
    with pytest.raises(ArtifactError, match=message) as caught:
        Card.from_dict(change(path, value, version_2_card()))
    assert str(caught.value).isprintable() and len(str(caught.value)) < 300


def head_card() -> Card:
    """Return the card of a head."""
    source = example_card().input._replace(shape=(1, 384))
    return replace(example_card(), input_level="embedding", input=source, backbone="e" * 64)


def test_a_head_names_its_backbone_and_no_other_card_has_the_field() -> None:
    assert Card.from_json(head_card().to_json()) == head_card()
    assert head_card().to_dict()["backbone"] == "e" * 64
    assert "backbone" not in example_card().to_dict()


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("backbone", KeyError, "backbone is '', not a SHA-256"),
        ("backbone", "e", "backbone is 'e', not a SHA-256"),
        ("input.shape", [384], "the input of a head is float32 \\(384,\\), not float32 \\(1, features\\)"),
        ("input_level", "picture", "backbone is given, but input_level is 'picture', not 'embedding'"),
    ],
)
def test_every_malformation_of_a_head_has_its_message(path: str, value: Any, message: str) -> None:
    with pytest.raises(ArtifactError, match=message):
        Card.from_dict(change(path, value, head_card()))


def test_an_embedding_has_neither_thresholds_nor_a_temperature() -> None:
    card = replace(example_card(), activation="none", accuracy=None, parity=None)
    assert card.is_embedding and Card.from_json(card.to_json()) == card
    with pytest.raises(ArtifactError, match="temperature is 2, but 1 for none"):
        replace(card, temperature=2)
    with pytest.raises(ArtifactError, match="there are 1 thresholds, but 0 for none"):
        replace(card, thresholds=(0.5,))


def test_a_confidence_is_a_field_where_there_is_one() -> None:
    card = replace(example_card(), min_confidence=0.6)
    assert Card.from_json(card.to_json()) == card and "min_confidence" in card.to_dict()
    assert "min_confidence" not in example_card().to_dict()
    for value in (-0.1, 1.5):
        with pytest.raises(ArtifactError, match="min_confidence is"):
            replace(card, min_confidence=value)
