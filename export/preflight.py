"""What is refused before anything is read: files that there cannot be of a network, and tools that are missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from export.front_end_rules import check_front_end
from export.options import Options, Report
from export.quantize import qat, search
from export.tflite.mixed import check_quantizer
from export.trained_run import check_run, is_multi_label, layer_classes
from export.variants import FEATURES, FRONT_LEVELS, MIXED, Variant
from export.weighted import KERAS_LAYERS
from toolkit.artifact.card import feature_level
from toolkit.artifact.file import TFLITE
from toolkit.data.run_folder import Run
from toolkit.errors import UsageError
from toolkit.frontend.spec import FrontEnd


def offered(run: Run, variants: Sequence[Variant], options: Options, report: Report) -> dict[Variant, str]:
    """Return the file names of the variants that there are of a run's network, as `check_variants` does.

    Raises `RunError` if the run's files do not fit together, too.
    """
    layers = layer_classes(run)
    spec = check_run(run)
    if options.qat and is_multi_label(run):
        raise UsageError(
            "--qat trains on the cross entropy of one label a clip, and this run's have several: leave it out"
        )
    return check_variants(run.config["model"], layers, spec, feature_level(spec), variants, options, report)


def check_variants(
    name: str,
    layers: Mapping[str, str],
    spec: FrontEnd,
    own_level: str,
    variants: Sequence[Variant],
    options: Options,
    report: Report,
) -> dict[Variant, str]:
    """Return the file names of the variants that there are of a network; refuse or leave out the others.

    `layers` are the classes of its Keras layers by name; `own_level` is what it accepts.

    Raises `UsageError` if there is no such variant, or the plan does not fit the network; `RunError` if a tool
    for a variant is not installed.
    """
    if options.plan is not None and layers:
        search.parse(options.plan, [name for name, kind in layers.items() if kind in KERAS_LAYERS])
    for level in {variant.level for variant in variants} - {FEATURES, own_level}:
        if level not in FRONT_LEVELS or own_level == "waveform":
            raise UsageError(f"--input {level}: this network accepts a {own_level}: leave --input out")
        check_front_end(spec, level)
    if any((variant.format, variant.precision) == (TFLITE, MIXED) for variant in variants):
        check_quantizer()
    if options.qat:
        qat.check_installed()
    names = {variant: variant.file_name(name) for variant in variants}
    for variant in variants:
        if reason := variant.unsupported(layers):
            file_name = names.pop(variant)
            if not options.leave_out:
                raise UsageError(f"{file_name} cannot be made: {reason}: use another precision")
            report(f"left out: {file_name}: {reason}")
    return names
