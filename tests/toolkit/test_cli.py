"""`python -m toolkit`: what it prints, writes and refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.toolkit import sounds
from tests.toolkit.trees import picture_tree, sound_tree, write_sound
from toolkit.audio.decode import load
from toolkit.audio.downmix import CANCELLED
from toolkit.cli import entry
from toolkit.data.dataset import build_index
from toolkit.data.synthetic import is_synthetic
from toolkit.frontend.picture import read_png, render
from toolkit.frontend.presets import PRESETS, front_end
from toolkit.frontend.spec import PICTURE
from toolkit.frontend.windows import split_windows

REPOSITORY = Path(__file__).parents[2]


def refused(capsys: pytest.CaptureFixture[str], arguments: list[str], code: int) -> str:
    """Run a command that must fail with `code` and one line on stderr, and return that line."""
    try:
        got = entry(arguments)
    except SystemExit as stop:
        got = int(stop.code or 0)
    captured = capsys.readouterr()
    assert got == code
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    return captured.err


def test_render_writes_the_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = write_sound(tmp_path / "a.wav", 1, seconds=2)
    output = tmp_path / "new" / "a.png"
    assert entry(["render", str(clip), "-o", str(output)]) == 0
    assert capsys.readouterr().out == f"{output}\n"
    np.testing.assert_array_equal(read_png(output), render(split_windows(load(clip, PICTURE.sample_rate))[0]))


def test_render_says_that_a_long_clip_shows_its_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = write_sound(tmp_path / "a.wav", 1, seconds=40)
    assert entry(["render", str(clip), "-o", str(tmp_path / "a.png")]) == 0
    assert "2 windows of 30 s: this is the first" in capsys.readouterr().err


def test_render_refusals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = str(write_sound(tmp_path / "a.wav", 1))
    output = tmp_path / "a.png"
    output.write_bytes(b"precious")
    assert f"{output} exists: use --force" in refused(capsys, ["render", clip, "-o", str(output)], 2)
    assert output.read_bytes() == b"precious"
    assert "is no name that ends in .png" in refused(capsys, ["render", clip, "-o", str(tmp_path / "a.jpg")], 2)
    (tmp_path / "d.png").mkdir()
    assert "is a folder" in refused(capsys, ["render", clip, "-o", str(tmp_path / "d.png"), "--force"], 2)
    assert "a.wav" in refused(capsys, ["render", clip, "-o", str(tmp_path / "a.wav" / "x.png")], 1)
    missing = str(tmp_path / "none.wav")
    assert "none.wav" in refused(capsys, ["render", missing, "-o", str(tmp_path / "b.png")], 1)
    (tmp_path / "text.wav").write_text("not a sound")
    assert "text.wav" in refused(capsys, ["render", str(tmp_path / "text.wav"), "-o", str(tmp_path / "b.png")], 1)
    assert not (tmp_path / "b.png").exists()
    assert "-o" in refused(capsys, ["render", clip], 2)
    assert entry(["render", clip, "-o", str(output), "--force"]) == 0
    assert read_png(output).shape == (288, 432, 3)


@pytest.mark.parametrize("name", PRESETS)
def test_a_front_end_is_printed_as_it_is_read(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry(["front-end", name]) == 0
    captured = capsys.readouterr()
    path = tmp_path / "mine.json"
    path.write_text(captured.out)
    assert front_end(str(path)) == PRESETS[name]
    rows, columns, channels = PRESETS[name].shape
    assert f"{name}: " in captured.err and f" {rows} x {columns} x {channels} of " in captured.err
    assert entry(["front-end", str(path)]) == 0
    assert capsys.readouterr().out == captured.out


def test_front_ends_are_listed_without_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert entry(["front-end"]) == 0
    captured = capsys.readouterr()
    assert [line.split()[0] for line in captured.out.splitlines()] == list(PRESETS) and captured.err == ""


def test_front_end_refusals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.json"
    for content, message in (
        (b'{"n_mel": 64}', "has an unknown field: n_mel"),
        (b'{"n_fft": 1000}', "n_fft is 1000; it must be a power of two"),
        (b'{"n_fft": 1e400}', "n_fft"),
        (b'{"n_mels": null}', "n_mels is None"),
        (b"[1]", "is not an object but list"),
        (b"\xff\xfe\x00", "it is no JSON"),
        (b"", "it is no JSON"),
    ):
        path.write_bytes(content)
        line = refused(capsys, ["front-end", str(path)], 1)
        assert str(path) in line and message in line
    assert f"{tmp_path} is a folder: choose one of" in refused(capsys, ["front-end", str(tmp_path)], 2)
    missing = str(tmp_path / "none.json")
    assert f"there is no front end '{missing}': choose one of" in refused(capsys, ["front-end", missing], 2)
    assert "mel-grid" in refused(capsys, ["front-end", "melgrid"], 2)


def test_dataset_lists_doubtful_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for label in ("hum", "hiss"):
        (tmp_path / label).mkdir()
        soundfile.write(tmp_path / label / "a.wav", sounds.noise(len(label)), sounds.RATE)
    sound = sounds.melody(2)
    soundfile.write(tmp_path / "hum" / "b.wav", np.stack([sound, -sound], axis=1), sounds.RATE)
    assert entry(["dataset", str(tmp_path)]) == 0
    assert "doubtful files: 1\n  hum/b.wav: its channels cancel each other" in capsys.readouterr().out
    assert entry(["dataset", str(tmp_path), "--json"]) == 0
    (doubtful,) = json.loads(capsys.readouterr().out)["doubtful"]
    assert doubtful["name"] == "hum/b.wav" and doubtful["reasons"] == [CANCELLED]


def test_dataset_lists_counts_bad_files_and_equal_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture_tree(tmp_path)
    (tmp_path / "hum" / "bad.png").write_text("text")
    (tmp_path / "tap" / "copy.png").write_bytes((tmp_path / "tap" / "000.png").read_bytes())
    assert entry(["dataset", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{tmp_path}: 7 pictures in 2 classes"
    assert [line.split() for line in lines[1:3]] == [["hum", "3"], ["tap", "4"]]
    assert "unusable files: 1" in lines
    assert any(line.startswith("  hum/bad.png: ") for line in lines)
    assert "  tap/000.png = tap/copy.png" in lines
    assert lines[-1] == f"digest: {build_index(tmp_path).digest}"

    assert entry(["dataset", str(tmp_path), "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["classes"] == {"hum": 3, "tap": 4}
    assert value["count"] == len(value["files"]) == 7
    assert [bad["name"] for bad in value["bad"]] == ["hum/bad.png"]
    assert value["duplicates"] == [["tap/000.png", "tap/copy.png"]]
    assert (value["gtzan"], value["synthetic"], value["kind"]) == (False, False, "pictures")


def test_dataset_kind_and_refusals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both = sound_tree(picture_tree(tmp_path / "both"))
    assert "--kind pictures or --kind audio" in refused(capsys, ["dataset", str(both)], 1)
    assert entry(["dataset", str(both), "--kind", "audio"]) == 0
    assert "4 sound files in 2 classes" in capsys.readouterr().out
    assert "does not exist" in refused(capsys, ["dataset", str(tmp_path / "none")], 1)
    assert "invalid choice" in refused(capsys, ["dataset", str(both), "--kind", "video"], 2)


def test_synth_writes_a_marked_corpus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "made"
    command = ["synth", str(root), "--clips", "1", "--seconds", "0.5", "--seed", "3"]
    assert entry(command) == 0
    assert capsys.readouterr().out == f"{root}: 1 synthetic clips per class\n"
    assert is_synthetic(root)
    assert "use --force" in refused(capsys, command, 2)
    assert entry([*command, "--force"]) == 0
    capsys.readouterr()
    assert entry(["dataset", str(root)]) == 0
    assert "SYNTHETIC sounds, not music" in capsys.readouterr().out
    assert "0 clips" in refused(capsys, ["synth", str(tmp_path / "x"), "--clips", "0"], 2)


@pytest.mark.slow
def test_module_runs_and_loads_nothing_heavy(tmp_path: Path) -> None:
    picture_tree(tmp_path)
    shown = subprocess.run(
        [sys.executable, "-m", "toolkit", "dataset", str(tmp_path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "6 pictures in 2 classes" in shown.stdout
    code = (
        "import sys; from toolkit.cli import entry; code = entry(sys.argv[1:]); "
        "heavy = {'tensorflow', 'tf_keras', 'librosa', 'scipy', 'numba', 'matplotlib'} & set(sys.modules); "
        "assert not heavy, heavy; sys.exit(code)"
    )
    subprocess.run(
        [sys.executable, "-c", code, "dataset", str(tmp_path)], cwd=REPOSITORY, capture_output=True, check=True
    )


def test_a_files_name_stays_on_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = sound_tree(tmp_path / "tree")
    (next(path for path in tree.iterdir() if path.is_dir()) / "two\nlines.wav").write_bytes(b"no sound")
    assert entry(["dataset", str(tree)]) == 0
    assert any("two\\nlines.wav: " in line for line in capsys.readouterr().out.splitlines())
