"""What is refused before anything is read: files that there cannot be of a network, and tools that are missing."""

from __future__ import annotations

from collections.abc import Sequence

from export.front_end_rules import check_front_end
from export.options import Options, Report
from export.quantize import qat, search
from export.tflite.mixed import check_quantizer
from export.trained_run import check_run, layer_classes
from export.variants import FEATURES, MIXED, Variant
from export.weighted import KERAS_LAYERS
from toolkit.artifact.card import feature_level
from toolkit.artifact.file import TFLITE
from toolkit.data.run_folder import Run
from toolkit.errors import UsageError


def offered(run: Run, variants: Sequence[Variant], options: Options, report: Report) -> dict[Variant, str]:
    """Return the file names of the variants that there are of the run's network; refuse or leave out the others.

    Raises `UsageError` if there is no such variant, or the plan does not fit the network; `RunError` if the run's files
    do not fit together, or a tool for a variant is not installed.
    """
    layers = layer_classes(run)
    spec = check_run(run)
    if options.plan is not None:
        search.parse(options.plan, [name for name, kind in layers.items() if kind in KERAS_LAYERS])
    for level in {variant.level for variant in variants if variant.has_front}:
        check_front_end(spec, level)
    check_level(variants, feature_level(spec))
    if any((variant.format, variant.precision) == (TFLITE, MIXED) for variant in variants):
        check_quantizer()
    if options.qat:
        qat.check_installed()
    names = {variant: variant.file_name(run.config["model"]) for variant in variants}
    for variant in variants:
        if reason := variant.unsupported(layers.values()):
            name = names.pop(variant)
            if not options.leave_out:
                raise UsageError(f"{name} cannot be made: {reason}: use another precision")
            report(f"left out: {name}: {reason}")
    return names


def check_level(variants: Sequence[Variant], level: str) -> None:
    """Raise `UsageError` where a file is to accept a picture, and the network accepts a grid, or the reverse."""
    for variant in variants:
        if not variant.has_front and variant.level not in (FEATURES, level):
            raise UsageError(f"--input {variant.level}: this network accepts a {level}: leave --input out")
