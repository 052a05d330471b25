"""The commands and the code in README, docs and CONTRIBUTING: all are understood, and what is quick enough is run."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from tests.run_maker import made_artifacts, made_run, shared_folder
from tests.toolkit import sounds
from toolkit.command import Jobs, with_verbs

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
COMMAND = re.compile(r"python -m (?:train|export|runtime|benchmarks|toolkit)\b[^`\n|]*")
DISCO = Path(os.environ.get("GTZAN_ROOT", "/nowhere"), "genres_original", "disco", "disco.00001.flac")
"""The clip that README calls song.flac: of a part that the shipped model was not trained on."""

QUICK = ["--min-duration", "0", "--min-count", "2"]
RUN: dict[str, list[str]] = {
    "python -m toolkit dataset path/to/data": [],
    "python -m toolkit render clip.flac -o clip.png": [],
    "python -m toolkit synth corpus --clips 12": ["--seconds", "1"],
    "python -m train gtzanet --summary": [],
    "python -m train gtzanet --data path/to/gtzan": ["--split", "stratified", "--epochs", "1", "--name", "trained"],
    "python -m train report runs/* -o training.md": [],
    "python -m export --format tflite --quantize": ["--no-speed", "--calibration", "4", "--max-drop", "100"],
    "python -m runtime song.flac --top 3": [],
    "python -m runtime song.flac --model artifacts/gtzanet-int8.tflite": [],
    "python -m runtime info model.tflite": [],
    "python -m runtime doctor": [],
    "python -m benchmarks --data path/to/gtzan --report report": QUICK,
    "python -m benchmarks --data path/to/gtzan --markdown results.md": QUICK,
    "python -m benchmarks --data path/to/gtzan --max-latency 20ms --max-size 500k": QUICK,
    "python -m benchmarks --speed-only": QUICK,
    "python -m benchmarks --speed-only --threads 1-4": QUICK,
}
"""What is run, in this order, with what makes it short. All others are parsed alone: they take long, or need GTZAN, a
GPU, a microphone or a broker, and the tests of their packages run them."""


def commands(page: Path) -> list[str]:
    """Return a page's commands without comments."""
    return [" ".join(match.split("#")[0].split()) for match in COMMAND.findall(page.read_text())]


ALL = [(page.name, command) for page in PAGES for command in dict.fromkeys(commands(page))]


@pytest.mark.parametrize(("page", "command"), ALL)
def test_every_command_is_understood(page: str, command: str) -> None:
    if re.search(r"\b(VERB|STUDY)\b|\|", command):
        pytest.skip("a pattern, not a command")
    package, *words = shlex.split(command)[2:]
    jobs: Jobs = importlib.import_module(f"{package}.cli").jobs()
    verb = jobs.verbs.get(words[0]) if words else None
    parser = verb.parser() if verb else with_verbs(f"python -m {package}", jobs)
    parser.parse_args(words[1:] if verb else words)  # ends the test where a word is not understood


def test_what_is_run_stands_in_the_docs() -> None:
    written = {command for _, command in ALL}
    assert len(written) > 30
    assert set(RUN) - written == set()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files that the docs speak of: a dataset of pictures, a run, models, clips."""
    base, folder = tmp_path_factory.getbasetemp(), tmp_path_factory.mktemp("docs")
    artifacts = made_artifacts(base, "gtzanet")
    run = made_run(base, "gtzanet")
    (folder / "path" / "to").mkdir(parents=True)
    for name in ("gtzan", "data"):
        (folder / "path" / "to" / name).symlink_to(shared_folder(base) / "made-pictures")
    (folder / "artifacts").mkdir()
    for name in ("gtzanet-float32.tflite", "gtzanet-int8.tflite"):
        shutil.copy(artifacts / name, folder / "artifacts")
    shutil.copy(artifacts / "gtzanet-float32.tflite", folder / "model.tflite")
    shutil.copytree(run, folder / "runs" / "NAME")
    for name in ("song.flac", "clip.flac"):
        soundfile.write(folder / name, sounds.noise(0, 30.0), 22_050)
    return folder


@pytest.mark.slow
def test_the_quick_ones_work(folder: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "GTZAN_ROOT"} | {"PYTHONPATH": str(ROOT)}
    for command, more in RUN.items():
        words = shlex.split(command)
        if "runs/*" in words:  # a shell's work; the run that is only a model has no history to report
            words[words.index("runs/*")] = "runs/trained"
        done = subprocess.run(
            [sys.executable, *words[1:], *more], cwd=folder, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0 and "Traceback" not in done.stderr, (
            command,
            done.stdout[-500:],
            done.stderr[-2000:],
        )
    for name in ("clip.png", "corpus", "training.md", "training.json", "report/report.html", "results.md"):
        assert (folder / name).exists(), name


def blocks(page: Path, language: str) -> list[str]:
    """Return a page's fenced blocks of a language ("" for output)."""
    parts = re.split(r"^```(.*)\n", page.read_text(), flags=re.MULTILINE)
    # text, fence, block, fence, text, ...: every second fence ends a block
    return [block for fence, block in zip(parts[1::4], parts[2::4], strict=False) if fence == language]


@pytest.mark.gtzan
def test_readmes_first_command_prints_what_it_says(tmp_path: Path) -> None:
    if not DISCO.exists():
        pytest.skip("GTZAN_ROOT names no folder that holds genres_original/disco")
    shutil.copy(DISCO, tmp_path / "song.flac")
    done = subprocess.run(
        [sys.executable, "-m", "runtime", "song.flac", "--top", "3"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )

    def steady(text: str) -> list[str]:
        """Return lines without times, threads, the engine and where the package lies."""
        text = re.sub(r"\(\S*runtime/pretrained/(\S+);[^)]*\)", r"(\1)", text)
        return re.sub(r"\(\d+ ms:[^)]*\)", "(ms)", text).strip().splitlines()

    shown = steady(blocks(ROOT / "README.md", "")[0])
    assert steady(done.stdout) == shown


@pytest.mark.gtzan
def test_readmes_program_prints_what_it_says(tmp_path: Path) -> None:
    if not DISCO.exists():
        pytest.skip("GTZAN_ROOT names no folder that holds genres_original/disco")
    shutil.copy(DISCO, tmp_path / "song.flac")
    program, printed = blocks(ROOT / "README.md", "python")[0], blocks(ROOT / "README.md", "")[1]
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.stdout == printed, done.stderr


def test_every_link_leads_somewhere() -> None:
    for page in [*PAGES, ROOT / "ARTIFACT.md", *(ROOT / "docs" / "results").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target.replace("\n", "")).exists(), (page.name, target)
