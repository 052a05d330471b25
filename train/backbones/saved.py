"""The whole of a pretrained network as a Keras file, with what a model file's card says of it beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.artifact.label_files import read_labels
from toolkit.command import output_file
from toolkit.errors import UsageError
from toolkit.files import atomic_path, write_json
from train.backbones.backbone import Backbone, Shape
from train.backbones.weights import Copy, Listener, provide
from train.config import Compute
from train.device import prepare
from train.front_end import chosen_front_end
from train.registry import NETWORKS

if TYPE_CHECKING:
    import tf_keras

PARTS = ("tagger", "embedding")
"""What a saved network returns: scores of the classes that it was pretrained on, or the features before them."""
TRAINING = "Pretrained on AudioSet (Google)."
CREDIT = (
    f"{TRAINING} Class names: AudioSet, CC BY 4.0, of its ontology, CC BY-SA 4.0. A score says how much a sound "
    "resembles the clips that people gave that name, no more."
)


def save(
    backbone: Backbone, copy: Copy, part: str, seconds: float | None, output: Path | None, listener: Listener
) -> Path:
    """Write a pretrained network to the file `output`, its description as JSON beside it, and return `output`.

    The description holds its labels (numbers of an embedding's features), front end, and the weights' origin, licence,
    address and digest. Raise `UsageError` if there is no such window, or `output` is no place for a Keras file.
    """
    output = output or Path(f"{backbone.name}-{part}.keras")
    if output.suffix != ".keras":
        raise UsageError(f"--output {output}: a Keras file is written: use a name ending in .keras")
    output_file(output, "--output")
    tagging = part == "tagger"
    if seconds is None and tagging:
        seconds = backbone.tagged_seconds
    spec = chosen_front_end(NETWORKS[backbone.name], None, seconds, None)
    classes = read_labels(provide([backbone.classes], None, listener).path) if tagging else ()
    prepare("cpu", Compute())
    model = backbone.tagger(spec.shape) if tagging else _features(backbone, spec.shape)
    backbone.load(model, copy.path)
    with atomic_path(output) as path:
        model.save(path, save_format="keras")
    description = {
        "network": backbone.name,
        "labels": classes or [f"feature {number}" for number in range(model.output_shape[-1])],
        "front_end": spec.to_dict(),
        "origin": copy.weights.origin,
        "licence": copy.weights.licence,
        "address": copy.weights.address,
        "digest": copy.weights.digest,
        "notice": CREDIT if tagging else TRAINING,
    }
    write_json(output.with_suffix(".json"), description)
    return output


def _features(backbone: Backbone, shape: Shape) -> tf_keras.Model:
    from tf_keras import Model

    model = backbone.build(shape, 2)
    return Model(model.input, model.get_layer(backbone.features).output, name=backbone.name)
