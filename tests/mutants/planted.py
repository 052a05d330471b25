"""Mistakes that a tired engineer could make, each with the narrowest test that must fail on it."""

from __future__ import annotations

from typing import NamedTuple


class Mistake(NamedTuple):
    """A text that is in a file once, what replaces it, and the test (pytest's node id) that must fail then."""

    file: str
    text: str
    replacement: str
    test: str


def _mistakes(test_file: str, *mistakes: tuple[str, str, str, str]) -> tuple[Mistake, ...]:
    """Return mistakes that a test of one file notices: (file, text, replacement, test)."""
    return tuple(Mistake(file, old, new, f"tests/{test_file}::{test}") for file, old, new, test in mistakes)


RUNTIME = (
    *_mistakes(
        "runtime/test_output.py",
        # --min-confidence is lost in one form of three.
        (
            "runtime/output.py",
            "as_csv(name, prediction, request.min_confidence, labels)",
            "as_csv(name, prediction, 0.0, labels)",
            "test_the_least_confidence_holds_in_every_form",
        ),
        (
            "runtime/output.py",
            "as_table(name, prediction, request.min_confidence, request.top)",
            "as_table(name, prediction, 0.0, request.top)",
            "test_the_least_confidence_holds_in_every_form",
        ),
        (
            "runtime/output.py",
            "as_row(name, prediction, request.min_confidence, width)",
            "as_row(name, prediction, 0.0, width)",
            "test_the_least_confidence_holds_in_every_form",
        ),
        # The columns of the classes are in the order of the probabilities.
        (
            "runtime/output.py",
            'scores = [f"{probability_by_label[label]:.6f}" for label in labels]',
            'scores = [f"{probability:.6f}" for probability in prediction.probabilities]',
            "test_csv_has_every_figure_in_its_column",
        ),
    ),
    *_mistakes(
        "runtime/test_arguments.py",
        # --threads is lost between the command line and the engine.
        (
            "runtime/cli.py",
            "arguments.engine, arguments.threads, arguments.backbone",
            "arguments.engine, None, arguments.backbone",
            "test_model_engine_and_threads_reach_the_engine",
        ),
        (
            "runtime/arguments.py",
            "arguments.top, arguments.min_confidence, arguments.silence,",
            "arguments.top, arguments.silence, arguments.min_confidence,",
            "test_all_options_for_files",
        ),
        (
            "runtime/arguments.py",
            "Rules(smooth, margin, arguments.min_confidence)",
            "Rules(margin, smooth, arguments.min_confidence)",
            "test_all_options_for_endless_sound",
        ),
    ),
    *_mistakes(
        "runtime/engines/test_load.py",
        # --threads is ignored by an engine.
        (
            "runtime/engines/litert.py",
            "num_threads=threads",
            "num_threads=1",
            "test_an_engine_computes_with_as_many_threads_as_it_is_given[tflite]",
        ),
        (
            "runtime/engines/onnx_runtime.py",
            "options.intra_op_num_threads = threads",
            "options.intra_op_num_threads = 1",
            "test_an_engine_computes_with_as_many_threads_as_it_is_given[onnx]",
        ),
        # An int8 network's input is cut instead of rounded.
        (
            "runtime/engines/base.py",
            "np.rint(values",
            "np.trunc(values",
            "test_int8_input_is_rounded_and_clipped_with_the_files_own_scale",
        ),
    ),
    *_mistakes(
        "runtime/stream/test_smoothing.py",
        # A new label below --min-confidence is taken up in listening.
        (
            "runtime/stream/smoothing.py",
            "scores[best] >= max(self._least, scores[current] + rules.margin)",
            "scores[best] >= scores[current] + rules.margin",
            "test_a_new_label_must_be_sure_enough",
        ),
        (
            "runtime/stream/smoothing.py",
            "1 - math.exp(-hop_seconds / rules.smoothing)",
            "math.exp(-hop_seconds / rules.smoothing)",
            "test_smoothing_is_a_time",
        ),
    ),
    *_mistakes(
        "runtime/test_attach.py",
        # The scores of labels that do not exclude each other are made to add up to 1.
        (
            "runtime/classifier.py",
            "total = 1.0 if multi_label else scores.sum()",
            "total = scores.sum()",
            "test_several_labels_apply_to_a_sound",
        ),
        # The axes of an input are not brought into the card's order.
        (
            "runtime/preprocess.py",
            "value.transpose([names.index(axis) for axis in dropped + kept])",
            "value.transpose([names.index(axis) for axis in dropped + sorted(kept)])",
            "test_the_order_of_the_axes_follows_from_the_shape",
        ),
    ),
    *_mistakes(
        "runtime/test_reading.py",
        # An engine that loads keeps a file from being opened.
        (
            "runtime/reading.py",
            "        self._decodes.wait()\n",
            "",
            "test_the_file_is_open_and_not_yet_decoded_when_the_thread_goes_on",
        ),
    ),
    *_mistakes(
        "conformance/test_golden.py",
        # A limit of the doctor's is ten times too wide.
        ("runtime/golden.py", "1.5 / 256", "15 / 256", "test_wrong_weights_are_noticed"),
    ),
    *_mistakes(
        "runtime/test_classifier.py",
        (
            "runtime/classifier.py",
            "at_temperature(self.scores(value), self.card.temperature)",
            "at_temperature(self.scores(value), 1.0)",
            "test_the_cards_temperature_is_used",
        ),
    ),
)
TOOLKIT = (
    *_mistakes(
        "toolkit/artifact/test_card.py",
        # A card accepts an input scale of 0.
        (
            "toolkit/artifact/card_checks.py",
            "not 0 < tensor.scale < math.inf",
            "not 0 <= tensor.scale < math.inf",
            "test_every_malformation_has_its_message",
        ),
    ),
    *_mistakes(
        "toolkit/artifact/test_onnx.py",
        # The digest of an ONNX model is not checked when it is opened.
        (
            "toolkit/artifact/file.py",
            "if model_digest(memoryview(content)[:start]) != card.model_digest:",
            'if path.suffix != ".onnx" and model_digest(memoryview(content)[:start]) != card.model_digest:',
            "test_a_changed_byte_of_the_model_is_found",
        ),
    ),
    *_mistakes(
        "toolkit/measure/test_temperature.py",
        # The probability floor of the temperature is far too low.
        (
            "toolkit/measure/temperature.py",
            "FLOOR = 1e-6",
            "FLOOR = 1e-12",
            "test_what_is_less_probable_than_a_millionth_counts_as_a_millionth",
        ),
        (
            "toolkit/measure/temperature.py",
            "at_temperature(values, 1 / inverse)",
            "at_temperature(values, inverse)",
            "test_the_temperature_of_a_network_is_found",
        ),
    ),
    *_mistakes(
        "toolkit/measure/test_metrics.py",
        (
            "toolkit/measure/metrics.py",
            "np.add.at(matrix, (truth, guess), 1)",
            "np.add.at(matrix, (guess, truth), 1)",
            "test_confusion_and_per_class",
        ),
        (
            "toolkit/measure/metrics.py",
            "hits / guessed if guessed else 0.0, hits / n if n else 0.0",
            "hits / n if n else 0.0, hits / guessed if guessed else 0.0",
            "test_confusion_accounts_for_every_sample",
        ),
    ),
    *_mistakes(
        "toolkit/measure/test_latency.py",
        (
            "toolkit/measure/latency.py",
            "float(np.median(a) / np.median(b))",
            "float(np.median(b) / np.median(a))",
            "test_ratio_is_not_fooled_by_a_machine_that_slows_down",
        ),
    ),
    *_mistakes(
        "toolkit/frontend/test_windows.py",
        # The last window of a long sound ends before it.
        (
            "toolkit/frontend/windows.py",
            "index * (count - size) // (number - 1)",
            "index * (count - size) // number",
            "test_longer_sounds_are_covered_evenly_by_the_fewest_windows",
        ),
    ),
    *_mistakes(
        "toolkit/frontend/test_spectrogram.py",
        # Amplitude decibels and power decibels are mixed up.
        (
            "toolkit/frontend/spectrogram.py",
            "level *= np.float32(10)",
            "level *= np.float32(20)",
            "test_decibels_relate_to_a_given_peak",
        ),
    ),
    *_mistakes(
        "toolkit/audio/test_pcm.py",
        (
            "toolkit/audio/pcm.py",
            "samples /= np.float32(1 << (bits - 1))",
            "samples /= np.float32((1 << (bits - 1)) - 1)",
            "test_full_scale_is_one",
        ),
    ),
)
TRAIN = (
    *_mistakes(
        "train/test_schedule.py",
        # The learning rate falls below its floor.
        (
            "train/schedule.py",
            "max(self.learning_rate * recipe.plateau_factor, recipe.min_learning_rate)",
            "self.learning_rate * recipe.plateau_factor",
            "test_a_factor_that_passes_the_floor_stops_at_it",
        ),
        # The best epoch is returned instead of the last.
        (
            "train/schedule.py",
            'if keep == "last":',
            'if keep == "first":',
            "test_the_epoch_that_is_kept",
        ),
    ),
    *_mistakes(
        "train/test_evaluate.py",
        (
            "train/evaluate.py",
            "metrics.confusion_matrix(labels, predicted, classes)",
            "metrics.confusion_matrix(predicted, labels, classes)",
            "test_rows_are_true_and_columns_predicted",
        ),
    ),
    *_mistakes(
        "train/test_plain_loop.py",
        # Every epoch has the same order; dropout masks repeat every epoch.
        (
            "train/crops.py",
            "np.random.default_rng((self.seed, epoch))",
            "np.random.default_rng((self.seed, 0))",
            "test_a_run_is_what_a_plain_loop_computes",
        ),
        (
            "train/fit.py",
            "np.array((config.seed, number), np.int32)",
            "np.array((config.seed, step), np.int32)",
            "test_a_run_is_what_a_plain_loop_computes",
        ),
    ),
)
BENCHMARKS = (
    *_mistakes(
        "benchmarks/measure/test_selection.py",
        # An unknown memory counts as 0 bytes in the Pareto front.
        (
            "benchmarks/measure/selection.py",
            "(choice.peak_bytes or 0) if peaks else 0",
            "choice.peak_bytes or 0",
            "test_memory_counts_only_where_both_are_known",
        ),
        (
            "benchmarks/measure/selection.py",
            "peak = math.inf if choice.peak_bytes is None else choice.peak_bytes",
            "peak = choice.peak_bytes or 0",
            "test_no_file_within_the_limits_names_what_there_is",
        ),
        (
            "benchmarks/measure/selection.py",
            "mcnemar(one.right, best.right)[2] >= SIGNIFICANT",
            "mcnemar(one.right, best.right)[2] < SIGNIFICANT",
            "test_a_faster_file_that_is_less_accurate_by_more_than_chance_is_not_advised",
        ),
    ),
    *_mistakes(
        "benchmarks/studies/test_models_request.py",
        # --max-size and --max-memory are swapped.
        (
            "benchmarks/studies/models_request.py",
            "Limits(latency, size, memory, least)",
            "Limits(latency, memory, size, least)",
            "test_a_limit_is_the_one_that_its_flag_names",
        ),
    ),
    *_mistakes(
        "benchmarks/measure/test_fresh_process.py",
        # Current memory is shown for peak.
        (
            "benchmarks/measure/fresh_process.py",
            r"VmHWM:\s+",
            r"VmRSS:\s+",
            "test_memory_that_was_freed_counts",
        ),
        (
            "benchmarks/measure/fresh_process.py",
            "imported - start, loaded - imported)",
            "loaded - imported, imported - start)",
            "test_options_and_times_are_each_in_their_place",
        ),
    ),
    *_mistakes(
        "benchmarks/measure/test_suite.py",
        # "x float32" is upside down; "+" and "-" beside float32 are swapped.
        (
            "benchmarks/measure/suite.py",
            "latency.ratio(network[row.name], network[beside])",
            "latency.ratio(network[beside], network[row.name])",
            "test_ratios_and_changes_are_those_of_the_model_over_float32",
        ),
        (
            "benchmarks/measure/suite.py",
            "latency.ratio(whole[row.name], whole[beside])",
            "latency.ratio(whole[beside], whole[row.name])",
            "test_ratios_and_changes_are_those_of_the_model_over_float32",
        ),
        (
            "benchmarks/measure/suite.py",
            "paired_difference(predicted, np.array(twin.row.detail.predicted), truth)",
            "paired_difference(np.array(twin.row.detail.predicted), predicted, truth)",
            "test_ratios_and_changes_are_those_of_the_model_over_float32",
        ),
        (
            "benchmarks/measure/suite.py",
            "engine=settings.engine, threads=row.threads)",
            "engine=settings.engine)",
            "test_ratios_and_changes_are_those_of_the_model_over_float32",
        ),
    ),
    *_mistakes(
        "benchmarks/report/test_table.py",
        (
            "benchmarks/report/table.py",
            "+{paired.only_this} -{paired.only_reference}",
            "+{paired.only_reference} -{paired.only_this}",
            "test_every_figure_is_in_its_column",
        ),
    ),
    *_mistakes(
        "benchmarks/studies/test_compare.py",
        (
            "benchmarks/measure/pairs.py",
            "return after / before if",
            "return before / after if",
            "test_each_regression_is_named_and_the_way_back_is_better",
        ),
    ),
)
EXPORT = (
    *_mistakes(
        "export/verify/test_speed.py",
        (
            "export/verify/speed.py",
            'ratio(rounds[variant.precision], rounds["float32"])',
            'ratio(rounds["float32"], rounds[variant.precision])',
            "test_each_is_compared_with_the_float32_file_of_its_format",
        ),
    ),
    *_mistakes(
        "export/tflite/test_metadata.py",
        # Width and height are swapped in the metadata, or on the way there.
        (
            "export/tflite/metadata.py",
            '0: ("Uint32", description.width), 1: ("Uint32", description.height)',
            '0: ("Uint32", description.height), 1: ("Uint32", description.width)',
            "test_every_field",
        ),
    ),
    *_mistakes(
        "export/verify/test_parity.py",
        (
            "export/verify/parity.py",
            "float(_cosines(probabilities, expected.probabilities).min())",
            "float(_cosines(probabilities, expected.probabilities).max())",
            "test_what_is_measured",
        ),
        # The temperature is fitted to Keras' probabilities instead of the file's.
        (
            "export/verify/parity.py",
            "fitted_temperature(probabilities[:n], expected.labels)",
            "fitted_temperature(expected.probabilities[:n], expected.labels)",
            "test_the_temperature_is_the_files",
        ),
    ),
    *_mistakes(
        "export/verify/test_waveform.py",
        # The check of a waveform model needs both another label and a distance before it refuses.
        (
            "export/verify/waveform.py",
            "off > MAX_ABS or our_scores.argmax()",
            "off > MAX_ABS and our_scores.argmax()",
            "test_another_label_or_a_distance_is_enough",
        ),
    ),
    *_mistakes(
        "export/test_export.py",
        (
            "export/cli.py",
            "speed=not arguments.no_speed,",
            "speed=arguments.no_speed,",
            "test_every_flag_arrives_in_its_own_option",
        ),
    ),
)
MISTAKES = (*RUNTIME, *TOOLKIT, *TRAIN, *BENCHMARKS, *EXPORT)
