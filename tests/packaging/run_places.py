"""Test the installed wheel in every place, and show what came out as a table.

    python -m tests.packaging.run_places [NAME ...]

In each place the toolkit's and the runtime's tests run in a folder that holds nothing else, and every exported file
classifies as it does here. docs/results/places.json keeps the rows, so that some can be run again; places.md shows
them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.aarch64.userland import make
from tests.elsewhere import refusals, write_sounds
from tests.packaging.places import Place, places
from tests.packaging.wheel_maker import REPOSITORY, build_wheel, environment, python_program
from tests.run_maker import made_artifacts
from toolkit.artifact.file import model_files
from toolkit.files import read_json, write_json, write_text

ROWS = REPOSITORY / "docs" / "results" / "places.json"
TOOLS = ("pytest", "pytest-timeout", "hypothesis", "pillow")
LIBRARIES = ("numpy", "soundfile", "soxr", "ai-edge-litert", "tflite-runtime", "onnxruntime")
FAST = ("-m", "not slow and not gtzan")
SELECTED = (
    *(*FAST, "-k", "not librosa and not matplotlib"),
    *("--ignore=tests/toolkit/data", "--ignore=tests/runtime/catalogue", "--ignore=tests/runtime/tags"),
    "--ignore=tests/runtime/serve",
    *("tests/toolkit", "tests/runtime"),
)
"""The tests of what a device runs: without datasets, training libraries and extras (catalogues, tags, pages)."""
EMULATED = (
    *(*FAST, "-k", "not picture or golden", "tests/toolkit/artifact/test_card.py"),
    *("tests/toolkit/audio/test_pcm.py", "tests/toolkit/audio/test_samples.py"),
    "tests/toolkit/frontend/test_picture.py",
)
"""Those that take no hour under emulation: of arithmetic, sound and pictures; every file is classified besides."""
VERSIONS = """
import importlib.metadata, json, platform, sys
versions = {item.name.lower().replace("_", "-"): item.version for item in importlib.metadata.distributions()}
known = {"python": platform.python_version(), "machine": platform.machine(), "glibc": platform.libc_ver()[1]}
print(json.dumps({**known, **{name: versions[name] for name in sys.argv[1:] if name in versions}}))
"""


RELEASES = {"bookworm": 12, "trixie": 13}
HEAD = (
    "| machine | Python | NumPy | soundfile | soxr | LiteRT | ONNX Runtime "
    "| passed | skipped | failed | files that agree |"
)
INTRODUCTION = """# Where the installed wheel was tested

`make places` writes this page. In each place the wheel is installed into an environment of its own. The toolkit's and
the runtime's tests run there, in a folder without the repository. The exported files of one network classify there and
here: the last column counts those that give the same label, and probabilities within 0.001 (0.05 with tflite-runtime,
whose kernels are of 2023; it refuses files with dynamic layers). Skipped are tests that need music or the package onnx.
ARM is emulated by qemu, which shows what comes out, not how fast, and runs only the tests of arithmetic, audio and
pictures. cortex-a53 is the processor of a Pi 3 and of a Zero 2 W, cortex-a72 that of a Pi 4, cortex-a76 that of a Pi 5.
`python -m tests.packaging.run_places --help` lists the places; with their names it runs those alone again.

"""


@dataclass(frozen=True)
class Outcome:
    """What came out in a place: versions by package, tests, and the exported files that its engine refuses."""

    versions: dict[str, str]
    passed: int
    skipped: int
    failed: list[str]
    agreeing: int
    refused: list[str]


def python_of(place: Place, wheel: Path, base: Path) -> Path:
    """Return the Python of a place, in an environment below `base` that places with other processors share."""
    words = [place.python, *([] if place.userland is None else [place.userland.release, place.userland.architecture])]
    folder = base / "-".join([*words, *place.packages]).replace("=", "").replace("<", "below")
    packages = [*place.packages, *TOOLS]
    if place.userland is None:
        return environment(folder, wheel, packages, python_program(place.python) or f"python{place.python}")
    return folder / "python" if folder.is_dir() else make(folder, wheel, packages, place.userland)


def run_in(
    place: Place, command: Sequence[str | Path], folder: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in `folder`, away from the repository, on the place's processor."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "GTZAN_ROOT", "CI")}
    processor = {"QEMU_CPU": place.processor} if place.processor else {}
    values = {**kept, **processor, **variables, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([*map(str, command)], cwd=folder, env=values, capture_output=True, text=True)


def run_tests(place: Place, python: Path, folder: Path, artifacts: Path) -> tuple[int, int, list[str]]:
    """Run the tests in `folder`; return how many passed, how many were skipped, and which failed."""
    shutil.copytree(REPOSITORY / "tests", folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", folder)
    report = folder / "report.xml"
    selected = EMULATED if place.processor else SELECTED
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *selected]
    done = run_in(place, command, folder, MADE=str(artifacts.parents[1]))
    if not report.exists():
        print(done.stdout[-3000:], done.stderr[-3000:], file=sys.stderr)
        return 0, 0, [f"pytest ended with {done.returncode}"]
    cases = [*xml.etree.ElementTree.parse(report).iter("testcase")]
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    skipped = [case for case in cases if case.find("skipped") is not None]
    names = [f"{case.get('classname', '')}.{case.get('name', '')}" for case in failed]
    return len(cases) - len(failed) - len(skipped), len(skipped), names


def run_place(name: str, place: Place, wheel: Path, base: Path, artifacts: Path) -> Outcome:
    """Make a place's environment below `base`, test and classify there, and return what came out."""
    python = python_of(place, wheel, base)
    folder = base / name
    folder.mkdir()

    def printed(*words: str | Path) -> str:
        done = run_in(place, [python, *words], folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    versions = json.loads(printed("-c", VERSIONS, *LIBRARIES))
    old = "tflite-runtime" in versions
    models = [path for path in model_files(artifacts) if not (old and path.suffix == ".onnx")]
    refused = refusals(printed, models, write_sounds(folder)[1:2], 0.05 if old else 1e-3)
    tests = run_tests(place, python, folder, artifacts)
    return Outcome(versions, *tests, len(models) - len(refused), sorted(refused))


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the page: a line for each place that was run, in the order of `places`."""
    lines = [HEAD, "|" + "---|" * HEAD.count(" | ") + "---|"]
    for name, place in places().items():
        if name not in rows:
            continue
        row, versions = rows[name], rows[name]["versions"]
        source = f", Debian {RELEASES[place.userland.release]}'s" if place.userland else ""
        tflite = versions.get("ai-edge-litert") or f"tflite-runtime {versions['tflite-runtime']}"
        libraries = [versions[key] for key in ("numpy", "soundfile", "soxr")]
        where = ", ".join(filter(None, (versions["machine"], place.processor)))
        cells = [where, versions["python"] + source, *libraries, tflite, versions.get("onnxruntime", "")]
        cells += [str(row["passed"]), str(row["skipped"]), str(len(row["failed"])), str(row["agreeing"])]
        lines.append(f"| {' | '.join(cells)} |")
    return INTRODUCTION + "\n".join(lines) + "\n"


def main() -> None:
    """Run the places that are named, or all, and write the rows after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(places()))
    names = parser.parse_args().names or list(places())
    if unknown := set(names) - set(places()):
        parser.error(f"no such place: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        wheel, artifacts = build_wheel(base / "wheel"), made_artifacts(base, "gtzanet")
        for name in names:
            outcome = run_place(name, places()[name], wheel, base, artifacts)
            print(name, f"{outcome.passed} passed, {outcome.skipped} skipped, failed:", outcome.failed, flush=True)
            rows = (read_json(ROWS) if ROWS.exists() else {}) | {name: asdict(outcome)}
            write_json(ROWS, rows)
            write_text(ROWS.with_suffix(".md"), table(rows))


if __name__ == "__main__":
    main()
