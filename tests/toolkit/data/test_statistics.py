"""What clips are like, and whether windows suit them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.toolkit.trees import picture_tree, sound_tree, write_sound
from toolkit.audio.samples import SILENCE_DB, level_db
from toolkit.cli import entry
from toolkit.data.dataset import build_index
from toolkit.data.statistics import Clip, Statistics, measure, measure_clip, warnings
from toolkit.errors import DatasetError
from toolkit.frontend.presets import PRESETS
from toolkit.frontend.spec import PICTURE, FrontEnd
from toolkit.frontend.windows import split_windows

GRID = PRESETS["log-mel"]


def clips(spec: FrontEnd, *seconds: float, rate: int = 44_100, windows: int = 1) -> Statistics:
    """Return the statistics of clips of these lengths."""
    return Statistics(tuple(Clip(length, rate, 1, windows, 0, False) for length in seconds), spec)


@pytest.mark.parametrize("seconds", [0.1, 0.73, 2.0, 7.31])
@pytest.mark.parametrize("rate", [8_000, 44_100])
def test_a_clip_is_measured_as_its_samples_are(tmp_path: Path, seconds: float, rate: int) -> None:
    rng = np.random.default_rng(1)
    samples = rng.normal(0, 0.1, (round(seconds * rate), 2)) * (rng.random(round(seconds * rate)) > 0.5)[:, np.newaxis]
    samples[: rate // 2] = 0.25  # a constant offset is silence, too
    soundfile.write(tmp_path / "a.wav", samples, rate)
    spec = replace(GRID, window_seconds=0.5, sample_rate=rate, f_max=4_000.0)
    clip = measure_clip(tmp_path / "a.wav", spec)
    mono = samples.mean(axis=1).astype(np.float32)
    levels = [level_db(window[: len(mono)]) for window in split_windows(mono, replace(spec, short="tile"))]
    assert (clip.rate, clip.channels, clip.windows) == (rate, 2, len(levels))
    assert clip.seconds == pytest.approx(len(samples) / rate)
    assert clip.silent_windows == sum(level < SILENCE_DB for level in levels)
    assert clip.is_silent == (seconds < 0.5)


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    index = build_index(sound_tree(tmp_path))
    index.path(index.items[1]).unlink()
    with pytest.raises(DatasetError, match=r"cannot use .*001\.wav: no such file"):
        measure(index, GRID)


def test_progress_counts_every_file(tmp_path: Path) -> None:
    index, seen = build_index(sound_tree(tmp_path)), list[tuple[int, int]]()
    assert len(measure(index, GRID, lambda done, total: seen.append((done, total))).clips) == 4
    assert seen[-1] == (4, 4)


def test_lengths_are_summed_up_and_binned() -> None:
    value = clips(GRID, 0.4, 5.0, 5.0, 9.9, 1000.0).to_dict()
    assert value["seconds"] == {"min": 0.4, "median": 5.0, "max": 1000.0}
    assert value["hours"] == pytest.approx(1020.3 / 3600)
    assert [(low["from_seconds"], low["clips"]) for low in value["histogram"]] == [(0.0, 1), (5.0, 3), (300.0, 1)]


@pytest.mark.parametrize(
    ("statistics", "message"),
    [
        (clips(PICTURE, 5.0, 5.0, 40.0), "2 of 3 clips are shorter than .* 30 s; one of 5.00 s is repeated 6.0 times"),
        (clips(GRID, 1.0, 1.0, 1.1), "3 of 3 .* is followed by 4.0 s of silence: use --window 1$"),
        (clips(replace(PICTURE, short="stretch"), 10.0), "is stretched 3.0 times: use --window 10"),
        (clips(GRID, 0.02), "use --window 0.1"),
        (clips(GRID, 60.0, windows=12), "most clips are long: one of 60.0 s is 12 windows of 5 s"),
        (clips(GRID, 5.0, rate=8_000), "1 of 1 clips have 8000 samples .* bands from 4000 to 8000 Hz are empty"),
    ],
)
def test_what_does_not_suit_is_named(statistics: Statistics, message: str) -> None:
    (line,) = warnings(statistics)
    assert re.search(message, line)


def test_what_suits_is_no_warning() -> None:
    assert not list(warnings(clips(GRID, 5.0, 4.9, 0.2, 14.0, rate=16_000)))
    assert not list(warnings(clips(PICTURE, 29.9, 30.7, rate=22_050)))


def test_dataset_shows_what_sounds_are_like(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for label in ("dog", "Hund"):
        for number in (1, 2):
            for take in "ab":
                write_sound(tmp_path / label / f"{number}_{take}.wav", len(label) + number + ord(take), 2.0, 8_000)
    soundfile.write(tmp_path / "dog" / "1_c.wav", np.zeros((44_100, 2)), 44_100)
    command = ["dataset", str(tmp_path), "--front-end", "log-mel", "--window", "0.5"]
    assert entry(command) == 0
    lines = capsys.readouterr().out.splitlines()
    for line in (
        "takes: 9 files are of 4 recordings",
        "lengths: 1.00 to 2.00 s, median 2.00 s; 0.00 hours in all",
        "sample rates: 8000 Hz 8, 44100 Hz 1",
        "channels: 1: 8, 2: 1",
        "silence (below -60 dB): 1 of 9 clips, 2 of 34 windows of 0.5 s",
        "warning: 8 of 9 clips have 8000 samples per second: the front end's bands from 4000 to 8000 Hz are empty in "
        "them",
    ):
        assert line in lines
    assert any(line.startswith("warning: most clips are long: one of 2.0 s is 4 windows") for line in lines)
    assert entry([*command, "--group-by", "/([12])_"]) == 0
    assert "takes: 9 files are of 2 recordings\n" in capsys.readouterr().out
    assert entry([*command, "--hop", "0.25", "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["takes"] == {"files": 9, "recordings": 4} and value["parts"] == {}
    assert (value["sound"]["windows"], value["sound"]["silent_windows"]) == (8 * 7 + 3, 3)
    assert value["sound"]["rates"] == {"8000": 8, "44100": 1} and len(value["sound"]["warnings"]) == 2


def test_dataset_shows_parts_and_no_lengths_of_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for part in ("train", "test"):
        picture_tree(tmp_path / part, count=1 if part == "test" else 2)
    assert entry(["dataset", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "parts: test 2, train 4\n" in out and "lengths" not in out
    assert entry(["dataset", str(tmp_path), "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["parts"] == {"train": 4, "test": 2} and value["sound"] is None


def test_dataset_counts_all_labels_of_a_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound_tree(tmp_path)
    rows = ("file,label,part", "hum/000.wav,hum;tap,train", "hum/001.wav,hum,test", "tap/000.wav,tap,train")
    (tmp_path / "list.csv").write_text("\n".join(rows) + "\n")
    assert entry(["dataset", str(tmp_path / "list.csv"), "--multi-label"]) == 0
    out = capsys.readouterr().out
    assert "parts: train 2, test 1\n" in out and re.search(r"hum +2\n +tap +2\n", out)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--window", "0"], "window_seconds is 0.0; it must be from 0.1 to 600"),
        (["--window", "2", "--hop", "3"], "hop_seconds is 3.0; it must be at most a window"),
        (["--window", "nan"], "window_seconds is nan"),
        (["--front-end", "melgrid"], "there is no front end 'melgrid'"),
    ],
)
def test_flags_are_checked_first(capsys: pytest.CaptureFixture[str], flags: list[str], message: str) -> None:
    assert entry(["dataset", "no/such/folder", *flags]) == 2
    assert message in capsys.readouterr().err
