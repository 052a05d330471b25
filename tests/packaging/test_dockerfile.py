"""The container image: its steps run here without Docker, and what they make classifies as a user who is not root."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest
import soundfile

from tests.packaging.dockerfile import Stage, build, instructions
from tests.packaging.wheel_maker import REPOSITORY, python_program
from toolkit.data.synthetic import CLASSES, clip

TEXT = (REPOSITORY / "Dockerfile").read_text()
STEPS = instructions(TEXT)
BASE = next(arguments.split()[0] for name, arguments in STEPS if name == "FROM")


def lacking() -> str | None:
    """Return why the steps cannot run on this machine."""
    version = BASE.partition(":")[2].partition("-")[0]
    if python_program(version) is None:
        return f"there is no python{version} here"
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        return "only root can mount what a step writes to"
    return None


def test_every_base_is_a_plain_slim_image() -> None:
    bases = [arguments.split()[0] for name, arguments in STEPS if name == "FROM"]
    assert len(bases) == 2 and set(bases) == {BASE} and "/" not in BASE and BASE.endswith("-slim")


def test_steps_are_read_with_their_continuations() -> None:
    text = 'FROM a AS b\n# note\nRUN one \\\n  && two\n\nENTRYPOINT ["x", "-m"]\n'
    assert instructions(text) == [("FROM", "a AS b"), ("RUN", "one   && two"), ("ENTRYPOINT", '["x", "-m"]')]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Return the last stage of the repository's Dockerfile."""
    if reason := lacking():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    return build(REPOSITORY, tmp_path_factory.mktemp("image"))


@pytest.mark.slow
def test_it_holds_the_package_and_nothing_else(image: Stage) -> None:
    files = [path for path in image.files.rglob("*") if not path.is_dir()]
    assert {path.relative_to(image.files).parts[:2] for path in files} == {("opt", "gtzanet")}
    (site,) = image.files.glob("opt/gtzanet/lib/python3.*/site-packages")
    installed = {path.name.partition("-")[0] for path in site.glob("*.dist-info")}
    assert {"gtzanet_edge", "numpy", "soundfile", "soxr", "ai_edge_litert", "paho_mqtt"} <= installed
    assert not installed & {"pip", "setuptools", "tensorflow", "pytest"}
    assert sum(path.lstat().st_size for path in files) < 160e6


@pytest.mark.slow
def test_its_user_owns_and_writes_nothing(image: Stage) -> None:
    for path in image.files.rglob("*"):
        status = path.lstat()
        assert (status.st_uid, status.st_gid) == (0, 0), path
        assert path.is_symlink() or not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH), path
    code = "import os; print(os.getuid(), os.getgid(), os.access('/opt/gtzanet', os.W_OK), os.getcwd())"
    assert image.run([image.entrypoint[0], "-c", code]).stdout == f"10001 10001 False {image.folder}\n"


@pytest.mark.slow
def test_its_entrypoint_answers(image: Stage) -> None:
    done = image.run([*image.entrypoint, "--version"])
    assert (done.returncode, done.stderr) == (0, "") and "0.1.0" in done.stdout


@pytest.mark.slow
def test_it_classifies_a_mounted_file_where_nothing_can_be_written(image: Stage, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "clip.wav", clip(CLASSES[0], 0, seconds=6), 22_050)
    tmp_path.chmod(0o755)  # pytest's folders are for their owner alone
    done = image.run([*image.entrypoint, "clip.wav", "--json"], mounted=tmp_path)
    assert done.returncode == 0 and "using /opt/gtzanet/" in done.stderr and len(done.stderr.splitlines()) == 1
    answer = json.loads(done.stdout)
    assert answer["model"] == "gtzanet-float16" and answer["label"] == next(iter(answer["probabilities"]))
    done = image.run(["touch", "/tmp/new"], mounted=tmp_path)
    assert "Read-only file system" in done.stderr
