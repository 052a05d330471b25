"""Trained weights on real music: the sound file and the public picture of a clip get one label."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.variants import PRECISIONS, Variant
from runtime import Classifier
from toolkit.artifact.file import model_files, read_card
from toolkit.data.dataset import Index, build_index
from toolkit.files import read_json
from toolkit.frontend.picture import read_png


@pytest.fixture(scope="module")
def indexes(gtzan_root: Path) -> tuple[Index, Index]:
    """Return the clips that there are, and the pictures."""
    return build_index(gtzan_root, "audio"), build_index(gtzan_root, "pictures")


@pytest.mark.slow
@pytest.mark.gtzan
@pytest.mark.parametrize(
    "variant",
    [Variant(format, precision) for format, precisions in PRECISIONS.items() for precision in precisions],
    ids=lambda variant: f"{variant.format}-{variant.precision}",
)
def test_sound_and_public_picture_get_the_same_label(
    variant: Variant, trained_artifacts: Path, indexes: tuple[Index, Index]
) -> None:
    clips, pictures = indexes
    by_track = {item.track: item for item in pictures.items}
    classifier = Classifier.load(trained_artifacts / variant.file_name("gtzanet"))
    compared, different = 0, []
    for clip in clips.items:
        if clip.track not in by_track:
            continue
        picture = read_png(pictures.path(by_track[clip.track]))
        expected = classifier.labels[int(classifier.classify_picture(picture).argmax())]
        label = classifier.classify(clips.path(clip)).label
        compared += 1
        if label != expected:
            different.append(f"{clip.name}: sound {label}, picture {expected}")
    assert compared >= 40
    assert different == []


@pytest.mark.slow
@pytest.mark.gtzan
@pytest.mark.parametrize("format", ["tflite", "onnx"])
@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_model_with_its_front_end_inside_gives_the_same_label(
    format: str,
    precision: str,
    trained_artifacts: Path,
    trained_sound_artifacts: Path,
    indexes: tuple[Index, Index],
) -> None:
    ours = Classifier.load(trained_sound_artifacts / f"gtzanet-waveform-{precision}.{format}")
    twin = Classifier.load(trained_artifacts / f"gtzanet-{precision}.{format}")
    clips = [indexes[0].path(item) for item in indexes[0].items]
    assert len(clips) >= 40
    assert [ours.classify(clip).label for clip in clips] == [twin.classify(clip).label for clip in clips]


@pytest.mark.slow
@pytest.mark.gtzan
def test_the_card_of_the_trained_files_repeats_the_runs_accuracy(trained_run: Path, trained_artifacts: Path) -> None:
    validation = read_json(trained_run / "metrics.json")["validation"]
    for path in model_files(trained_artifacts):
        card = read_card(path)
        assert card.accuracy and card.accuracy.n == validation["n"]
        allowed = 1 if card.quantization == "none" else 0.05 * card.accuracy.n
        assert abs(card.accuracy.correct - validation["correct"]) <= allowed
