"""The whole export of a run: read it with its dataset, load its network, and write its files."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from export.calibration import Calibration, calibrate, choose, edge_inputs
from export.card import description
from export.converter import Converter
from export.keras import load_keras, load_tensorflow, reference
from export.malloc import keep
from export.options import Options, Report
from export.preflight import offered
from export.probes import probe_inputs
from export.quantize import qat
from export.trained_run import Source, check_model, check_multi_label_model, open_source
from export.variants import Variant
from export.verify.gate import PART
from export.write import Exported, Network, write_files
from toolkit.artifact.card import CALIBRATED
from toolkit.artifact.card_sections import FineTuningCard
from toolkit.data.recordings import recordings
from toolkit.data.run_folder import Run


def export_run(
    run: Run, *, data: Path | None, output: Path, variants: Sequence[Variant], options: Options, report: Report
) -> list[Exported]:
    """Export a finished run to `<output>/<model>-<precision>.<format>`, one file for each of `variants`.

    Every file is loaded again through `runtime` and compared with the Keras model before any is put in place: all are
    written, or none. The same run, data and tool versions give the same bytes.

    Parameters
    ----------
    run
        The finished run.
    data
        Its dataset, if that is no longer where the run was trained.
    output
        Folder to write to; made if need be, and locked meanwhile.
    variants
        The files to write.
    options
        How.
    report
        Called with a line at the start of each step.

    Raises `UsageError` if there is no such file of the run's network, `RunError` or `DatasetError` if the run's files
    do not fit together or its dataset is not usable, `ArtifactError` if a conversion fails or a file is refused because
    it does not do what the Keras model does.
    """
    keep()
    names = offered(run, variants, options, report)

    def load() -> tuple[Network, Network]:
        report(f"reading the dataset of {run.path}")
        source = open_source(run, data)
        calibrated = any(variant.precision in CALIBRATED for variant in names)
        calibration = calibration_of(source, options.calibration, report) if calibrated else None
        own = loaded_network(source, calibration, options, report)
        return own, _fine_tuned(source, own, data, options, report) if options.qat else own

    return write_files(output, names, load, options, report)


def calibration_of(source: Source, count: int, report: Report) -> Calibration:
    """Return what ranges are measured on: so many training items, or all."""
    if count > len(source.run.split.train):
        report(f"measuring ranges on all {len(source.run.split.train)} training items: there are not {count}")
    chosen = choose(source.items("train"), count)
    labels = [] if source.multi_label else source.labels(chosen).tolist()
    return calibrate(chosen, source.inputs(chosen), edge_inputs(source.front_end), labels)


def loaded_network(source: Source, calibration: Calibration | None, options: Options, report: Report) -> Network:
    """Load the run's network and compute its answers, which must be those of when it was trained.

    The validation inputs are read before TensorFlow is loaded: a dataset that cannot be read fails sooner. They are
    freed at the end, because the reference has a copy.
    """
    validation = source.items(PART)
    windows = source.windows(validation)
    inputs, labels = windows.values, source.labels(validation)[windows.clips]
    truth = source.truth(validation)[windows.clips]
    report("loading TensorFlow and the model")
    load_tensorflow()
    model = load_keras(source.run.model_path, inputs.shape[1:], len(source.classes))
    report(f"computing Keras' answers to {len(inputs)} validation inputs")
    names = [validation[clip].name for clip in windows.clips]
    takes = recordings(source.index.items)
    recorded = [takes.get(name, name) for name in names]
    expected = reference(model, names, inputs, labels, probe_inputs(source.front_end), recorded, truth)
    if source.multi_label:
        check_multi_label_model(source.run, expected.probabilities[: len(inputs)], truth)
    else:
        check_model(source.run, expected.probabilities[: len(inputs)], expected.labels)
    converter = Converter(model, source.front_end, description(source.subject), calibration, options)
    return Network(source.subject, model, converter, expected)


def _fine_tuned(source: Source, own: Network, data: Path | None, options: Options, report: Report) -> Network:
    """Return the run's network after the epochs of `--qat`, for int8 files."""
    settings = FineTuningCard(options.qat or 0, qat.LEARNING_RATE, qat.SEED)
    job = qat.Job(str(source.run.path), str(data or source.run.config["data"]["root"]), options.calibration, settings)
    report(f"fine-tuning for int8 on {len(source.run.split.train)} training items")
    with tempfile.TemporaryDirectory(prefix="gtzanet-edge-") as folder:
        path = qat.fine_tune(job, Path(folder), report)
        model = load_keras(path, own.expected.inputs.shape[1:], len(source.classes))
    return Network(source.subject, model, own.converter.of(model), own.expected.of_tuned(model), settings)
