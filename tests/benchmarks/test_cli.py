"""The command, from model files to tables."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from PIL import Image

from benchmarks import cli
from benchmarks.measure import accuracy, clips, suite
from benchmarks.report.results import SCHEMA, read_result
from benchmarks.studies.models_request import parser as models_parser
from runtime.classifier import Classifier
from tests.run_maker import made_artifacts
from toolkit.artifact.file import read_card
from toolkit.data.dataset import build_index
from toolkit.files import file_digest
from toolkit.frontend.presets import PRESETS
from toolkit.measure import latency

QUICK = ["--min-duration", "0", "--min-count", "3", "--threads", "1"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of two model files; the pictures they were made from are in `made-pictures` two levels up."""
    return made_artifacts(tmp_path_factory.getbasetemp(), "gtzanet")


def check_detail(row: dict[str, Any], data: Path) -> None:
    """Assert that a row's labels are those of its clips' folders, and those that its file gives for their pictures."""
    classifier, by_digest = Classifier.load(row["file"]), {file_digest(path): path for path in data.glob("*/*.png")}
    detail = row["detail"]
    paths = [by_digest[clip] for clip in detail["clips"]]
    assert len(set(paths)) == 8
    assert [detail["labels"][number] for number in detail["truth"]] == [path.parent.name for path in paths]
    scores = [classifier.classify_picture(np.asarray(Image.open(path).convert("RGB"))) for path in paths]
    assert detail["predicted"] == [int(values.argmax()) for values in scores]
    assert row["accuracy"]["correct"] == sum(map(int.__eq__, detail["truth"], detail["predicted"]))


def peak_of_one_label(model: Path, folder: Path) -> int:
    """Return the peak bytes of a process of ours that classifies one clip with a model, as the kernel counts them."""
    code = "import sys; from pathlib import Path; from runtime import Classifier;"
    code += "Classifier.load(sys.argv[1], threads=1).classify(sys.argv[2]);"
    code += "print([line.split()[1] for line in Path('/proc/self/status').open() if line.startswith('VmHWM')][0])"
    clip = clips.clip_in(folder, None)
    words = [sys.executable, "-c", code, str(model), str(clip)]
    return 1024 * int(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


@pytest.mark.slow
def test_two_formats_and_a_damaged_file(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    timed, measure = [], latency.measure

    def measured(*words: Any, **named: Any) -> Any:
        timed.append(measure(*words, **named))
        return timed[-1]

    monkeypatch.setattr(latency, "measure", measured)
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(b"\x1c\0\0\0TFL3 and nothing more")
    paths = [str(path) for path in (damaged, models / "gtzanet-int8.tflite", models / "gtzanet-float32.tflite")]
    outputs = ["--json", str(tmp_path / "o.json"), "--markdown", str(tmp_path / "o.md")]
    outputs += ["--report", str(tmp_path / "new" / "report")]
    data = models.parents[1] / "made-pictures"
    assert cli.entry([*paths, "--data", str(data), *QUICK, *outputs]) == 1
    bad, int8, float32 = json.loads((tmp_path / "o.json").read_text())["rows"]
    assert "damaged.tflite" in bad["status"]
    assert bad["network"] is None
    for row in (int8, float32):
        assert row["status"] == "ok"
        assert row["judged_on"] == "stratified/validation"
        assert row["accuracy"]["n"] == 8
        for quantity, rounds in zip(("network", "file_to_label"), timed, strict=True):
            times = sorted(itertools.chain.from_iterable(rounds[row["file"]]))
            assert row[quantity]["count"] == len(times) >= 3
            assert row[quantity]["p50_ms"] == pytest.approx(1e3 * times[(len(times) - 1) // 2])
        assert row["fresh"]["peak_bytes"] == pytest.approx(peak_of_one_label(Path(row["file"]), tmp_path), rel=0.1)
        assert 0 < row["fresh"]["import_seconds"] + row["fresh"]["load_seconds"] < row["fresh"]["seconds"]
        total = row["stages"].pop("total")
        assert set(row["stages"]) == {"read", "resample", "front_end", "network", "post"}
        assert sum(row["stages"].values()) == pytest.approx(total)
        assert row["size_bytes"] == Path(row["file"]).stat().st_size
        assert row["detail"]["labels"] and len(row["detail"]["truth"]) == len(row["detail"]["predicted"]) == 8
        check_detail(row, data)
        assert row["dataset_digest"] == build_index(data).digest
        assert row["split_digest"] == read_card(Path(row["file"])).split.digest
    labels = [one["detail"]["predicted"] for one in (int8, float32)]
    assert int8["against_float32"]["changed"] == sum(a != b for a, b in zip(*labels, strict=True))
    assert float32["against_float32"] is None
    assert float32["network_ratio"]["median"] == 1
    for ratio, rounds in zip(("network_ratio", "file_ratio"), timed, strict=True):
        quotients = [
            np.median(rounds[paths[1]][n]) / np.median(rounds[paths[2]][n]) for n in range(len(rounds[paths[1]]))
        ]
        assert int8[ratio]["median"] == pytest.approx(np.median(quotients))
    value, page = json.loads((tmp_path / "o.json").read_text()), (tmp_path / "o.md").read_text()
    assert sorted(path.name for path in (tmp_path / "new" / "report").iterdir()) == [
        "report.html",
        "results.json",
        "results.md",
    ]
    assert json.loads((tmp_path / "new" / "report" / "results.json").read_text()) == value
    jsonschema.validate(value, json.loads(SCHEMA.read_text()))
    assert len(read_result(tmp_path / "o.json").rows) == 3
    shown = (tmp_path / "new" / "report" / "report.html").read_text()
    assert "damaged.tflite" in shown and shown.count("<details>") == 2
    assert value["front"] and value["advice"]["name"] in value["front"]
    assert f"To ship: {Path(value['advice']['name']).name}: " in page
    assert page.count("| gtzanet-") == 2
    assert "nearest-rank percentiles" in page
    assert "gtzanet-int8.tflite" in capsys.readouterr().out


@pytest.mark.slow
def test_what_was_measured_before_an_interruption_is_kept(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report"
    words = [str(models / "gtzanet-int8.tflite"), "--data", str(models.parents[1] / "made-pictures"), *QUICK]
    words += ["--min-count", "9", "--report", str(report)]
    measure, rounds = latency.measure, []

    def interrupted(*arguments: Any, **named: Any) -> Any:
        def after_round(times: Any) -> None:
            named["after_round"](times)
            rounds.append(times)
            if len(rounds) == 2:
                raise KeyboardInterrupt

        return measure(*arguments, **named | {"after_round": after_round})

    with monkeypatch.context() as patched:
        patched.setattr(latency, "measure", interrupted)
        assert cli.entry(words) == 130
    assert f"the same command goes on from {report / 'results.unfinished'}" in capsys.readouterr().err
    assert [path.name for path in report.iterdir()] == ["results.unfinished"]

    def again(*_: Any) -> Any:
        raise AssertionError("this was measured before")

    begun_rounds = []

    def watched(*arguments: Any, **named: Any) -> Any:
        begun_rounds.append(named["begun"])
        return measure(*arguments, **named)

    monkeypatch.setattr(accuracy, "predict", again)
    monkeypatch.setattr(suite, "measure_fresh", again)
    monkeypatch.setattr(latency, "measure", watched)
    assert cli.entry(words) == 0
    assert "going on with what" in capsys.readouterr().err
    assert [*begun_rounds[0], *begun_rounds[1]] == [
        {name: list(times) for name, times in past.items()} for past in rounds
    ]
    value = json.loads((report / "results.json").read_text())
    (row,) = value["rows"]
    jsonschema.validate(value, json.loads(SCHEMA.read_text()))
    assert row["accuracy"]["n"] == 8 and row["fresh"]["peak_bytes"] and row["network"]["count"] >= 9
    assert any("several sittings" in note for note in value["notes"])
    assert not (report / "results.unfinished").exists()


@pytest.mark.slow
def test_several_numbers_of_threads(models: Path, tmp_path: Path) -> None:
    words = [str(models / f"gtzanet-{kind}.tflite") for kind in ("float32", "float16")]
    words += ["--data", str(models.parents[1] / "made-pictures"), *QUICK, "--json", str(tmp_path / "o.json")]
    assert cli.entry([*words, "--threads", "1-2"]) == 0
    value = json.loads((tmp_path / "o.json").read_text())
    jsonschema.validate(value, json.loads(SCHEMA.read_text()))
    assert [(Path(row["file"]).name, row["threads"]) for row in value["rows"]] == [
        ("gtzanet-float32.tflite", 1),
        ("gtzanet-float32.tflite", 2),
        ("gtzanet-float16.tflite", 1),
        ("gtzanet-float16.tflite", 2),
    ]
    assert value["threads"] == [1, 2] and len(set(value["front"])) >= 1
    assert all(row["name"].endswith(("1 thread", "2 threads")) for row in value["rows"])
    assert [row["network_ratio"]["median"] == 1 for row in value["rows"]] == [True, True, False, False]
    assert value["rows"][3]["against_float32"]["p"] == 1 and value["rows"][1]["against_float32"] is None


@pytest.mark.parametrize(
    ("text", "counts"), [("3", (3,)), ("1,4", (1, 4)), ("1-3", (1, 2, 3)), ("1-2,2,8", (1, 2, 8)), ("4-4", (4,))]
)
def test_numbers_of_threads(text: str, counts: tuple[int, ...]) -> None:
    assert models_parser().parse_args(["--threads", text]).threads == counts


@pytest.mark.parametrize("text", ["", "two", "4-1", "1-", "-", "1,,2", "0", "1-999999999999", "1.5"])
def test_what_is_no_number_of_threads_is_misuse(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = cli.entry(["some.tflite", "--speed-only", f"--threads={text}"])
    except SystemExit as ended:  # what argparse finds itself
        code = int(str(ended.code))
    assert code == 2
    error = capsys.readouterr().err
    assert "--threads" in error and len(error.splitlines()) == 1


@pytest.mark.slow
def test_without_a_dataset_all_but_accuracy(models: Path, tmp_path: Path) -> None:
    model = str(models / "gtzanet-int8.tflite")
    assert cli.entry([model, "--speed-only", *QUICK, "--json", str(tmp_path / "o.json")]) == 0
    value = json.loads((tmp_path / "o.json").read_text())
    assert value["clip"] == "a synthetic clip of 30 s"
    (row,) = value["rows"]
    assert row["accuracy"] is None
    assert row["network"]["p50_ms"] > 0


@pytest.mark.slow
def test_needs_no_tensorflow(models: Path) -> None:
    code = (
        "import sys; from benchmarks.cli import entry; code = entry(sys.argv[1:]);"
        "heavy = {'tensorflow', 'tf_keras', 'librosa', 'scipy', 'numba'} & set(sys.modules);"
        "sys.exit(f'{code} {heavy}' if code or heavy else 0)"
    )
    command = [sys.executable, "-c", code, str(models / "gtzanet-int8.tflite"), "--speed-only", *QUICK]
    result = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_without_a_dataset_names_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GTZAN_ROOT", raising=False)
    assert cli.entry(["some.tflite"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("python -m benchmarks: error: no dataset")
    assert all(hint in error for hint in ("--data", "GTZAN_ROOT", "--speed-only"))


def test_without_models_names_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.entry(["--speed-only"]) == 1
    assert "python -m export" in capsys.readouterr().err


@pytest.mark.parametrize(
    "flags",
    [
        ["--threads", "0"],
        ["--threads", "99999999999"],
        ["--min-duration", "-1"],
        ["--min-duration", "nan"],
        ["--min-count", "0"],
        ["--max-latency", "20ms"],
        ["--max-size", "soon"],
        ["--max-memory", "-1"],
        ["--min-accuracy", "2"],
    ],
)
def test_impossible_flags_are_misuse(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.entry(["some.tflite", "--speed-only", *flags]) == 2
    assert flags[0] in capsys.readouterr().err


def test_what_is_no_limit_is_misuse(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.entry(["some.tflite", "--max-size", "soon"]) == 2
    assert "--max-size: 'soon' is not a size such as 500k" in capsys.readouterr().err


@pytest.mark.parametrize("study", [["some.tflite", "--speed-only"], ["cliplength", "some.tflite"], ["frontend"]])
@pytest.mark.parametrize("flag", ["--json", "--markdown"])
def test_results_that_cannot_be_written_are_refused_before_measuring(
    study: list[str], flag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for target, message in (
        (tmp_path, "a folder"),
        (tmp_path / "no" / "x", "there is no folder"),
        ("/dev/null", "regular"),
    ):
        assert cli.entry([*study, flag, str(target)]) == 2
        error = capsys.readouterr().err
        assert f"{flag} {target}: " in error and message in error


def test_a_report_needs_a_folder(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = str(models / "gtzanet-int8.tflite")
    (tmp_path / "file").touch()
    assert cli.entry([model, "--speed-only", "--report", str(tmp_path / "file")]) == 2
    assert f"--report {tmp_path / 'file'}: a file, not a folder" in capsys.readouterr().err
    (tmp_path / "report" / "report.html").mkdir(parents=True)
    assert cli.entry([model, "--speed-only", "--report", str(tmp_path / "report")]) == 2
    assert f"--report {tmp_path / 'report' / 'report.html'}: a folder" in capsys.readouterr().err


def test_misuse_leaves_no_folder(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GTZAN_ROOT", raising=False)
    model, new = str(models / "gtzanet-int8.tflite"), ["--report", str(tmp_path / "new" / "report")]
    for words in (["absent.tflite", "--speed-only"], [model], [model, "--speed-only", "--clip", str(Path(__file__))]):
        assert cli.entry([*words, *new]) in (1, 2)
    assert list(tmp_path.iterdir()) == []


def test_what_is_read_is_not_written_to(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = models / "gtzanet-int8.tflite"
    before = model.read_bytes()
    assert cli.entry([str(model), "--speed-only", "--json", str(model)]) == 2
    assert f"--json {model}: the same file is named twice" in capsys.readouterr().err
    assert model.read_bytes() == before
    both = str(tmp_path / "out")
    assert cli.entry([str(model), "--speed-only", "--json", both, "--markdown", both]) == 2
    assert not Path(both).exists()


@pytest.mark.parametrize("flags", [["absent.tflite"], ["--clip", "absent.wav"]])
def test_a_missing_file_is_found_first(flags: list[str], models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.entry([*flags, str(models / "gtzanet-int8.tflite"), "--speed-only"]) == 2
    assert f"{flags[-1]}: no such file" in capsys.readouterr().err


def test_the_front_end_is_not_timed_on_a_million_clips(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.entry(["frontend", "--clips", "1000000"]) == 2
    assert "--clips is 1000000: use 1 to 1000" in capsys.readouterr().err


def test_missing_pillow_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert cli.entry(["some.tflite", "--data", str(tmp_path)]) == 2
    assert "needs Pillow: run `pip install" in capsys.readouterr().err


def test_front_end_on_synthetic_clips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GTZAN_ROOT", raising=False)
    output = tmp_path / "o.json"
    assert cli.entry(["frontend", "--clips", "1", "--repeats", "1", "--json", str(output)]) == 0
    value = json.loads(output.read_text())
    assert value["speed"][0]["front_end"] == "gtzan-picture"
    assert value["fidelity"] is None
    assert "synthetic clip" in capsys.readouterr().out


def test_all_front_ends_are_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GTZAN_ROOT", raising=False)
    output = tmp_path / "o.json"
    flags = ["--front-end", "all", "--clips", "1", "--repeats", "1", "--json", str(output)]
    assert cli.entry(["frontend", *flags]) == 0
    assert [row["front_end"] for row in json.loads(output.read_text())["speed"]] == list(PRESETS)


def test_one_front_end_is_timed_from_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GTZAN_ROOT", raising=False)
    path = tmp_path / "mine.json"
    path.write_text('{"layout": "grid", "short": "pad", "window_seconds": 1}')
    assert cli.entry(["frontend", "--front-end", str(path), "--clips", "1", "--repeats", "1"]) == 0
    assert "mine.json" in capsys.readouterr().out
    path.write_text('{"n_mel": 1}')
    assert cli.entry(["frontend", "--front-end", str(path)]) == 1
    assert "unknown field: n_mel" in capsys.readouterr().err
    assert cli.entry(["frontend", "--front-end", "none"]) == 2
    assert "there is no front end 'none'" in capsys.readouterr().err


@pytest.mark.gtzan
@pytest.mark.slow
def test_front_end_is_true_to_the_public_pictures(gtzan_root: Path, tmp_path: Path) -> None:
    output = tmp_path / "o.json"
    flags = ["--data", str(gtzan_root), "--clips", "1", "--repeats", "1", "--json", str(output)]
    assert cli.entry(["frontend", *flags]) == 0
    assert json.loads(output.read_text())["fidelity"]["identical"] > 0.999


@pytest.mark.parametrize("flag", ["--clips", "--repeats"])
def test_front_end_needs_something_to_time(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.entry(["frontend", flag, "0"]) == 2
    assert flag in capsys.readouterr().err
