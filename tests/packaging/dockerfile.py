"""A Dockerfile's steps without Docker: they run in layers over this machine's own file system.

A base image `python:X.Y-...` is this machine with its Python X.Y in /usr/local, where the image has its own. An overlay
takes what the steps write, so a stage's layer is a folder to look into. That needs root and Linux, and no container
engine; it shows what the steps do, not what the base image holds.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.packaging.wheel_maker import python_program

INSIDE = """
set -e
mount -t overlay overlay -o lowerdir=/,upperdir="$LAYER/upper",workdir="$LAYER/work" "$LAYER/root"
mount --bind "$PREFIX" "$LAYER/root/usr/local"
mount --rbind /dev "$LAYER/root/dev"
mount -t proc proc "$LAYER/root/proc"
if [ -n "$MOUNTED" ]; then
  mount --bind -o ro "$MOUNTED" "$LAYER/root$FOLDER"
  mount -o remount,ro "$LAYER/root"
fi
exec chroot --userspec="$OWNER" "$LAYER/root" sh -c 'cd "$FOLDER" && exec "$@"' sh "$@"
"""


@dataclass
class Stage:
    """A stage that was built.

    Attributes
    ----------
    layer
        A folder whose `upper` holds what the stage's steps wrote.
    prefix
        Where the base image's Python is on this machine.
    variables, owner, folder, entrypoint
        What ENV, USER, WORKDIR and ENTRYPOINT set.
    """

    layer: Path
    prefix: Path
    variables: dict[str, str] = field(default_factory=dict)
    owner: str = "0:0"
    folder: str = "/"
    entrypoint: list[str] = field(default_factory=list)

    @property
    def files(self) -> Path:
        """Return the folder with what the stage's steps wrote."""
        return self.layer / "upper"

    def run(self, command: Sequence[str], mounted: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command in the stage, by its user and in its folder.

        A folder may be mounted onto the latter; then nothing in the stage can be written.
        """
        kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "GTZAN_ROOT")}
        fixed = {
            "PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/",
            "LD_LIBRARY_PATH": "/usr/local/lib",
            "LAYER": str(self.layer),
        }
        places = {"PREFIX": str(self.prefix), "MOUNTED": str(mounted or ""), "FOLDER": self.folder}
        environment = {**kept, **self.variables, **fixed, **places, "OWNER": self.owner}
        words = ["unshare", "--mount", "sh", "-c", INSIDE, "sh", *command]
        return subprocess.run(words, env=environment, capture_output=True, text=True)


def instructions(text: str) -> list[tuple[str, str]]:
    """Return a Dockerfile's instructions, each with its arguments in one line."""
    whole = re.sub(r"\\\n", "", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in whole.splitlines() if line.strip()]


def build(context: Path, base: Path) -> Stage:
    """Run the steps of `context`'s Dockerfile below `base`; return the last stage."""
    stages: dict[str, Stage] = {}
    for name, arguments in instructions((context / "Dockerfile").read_text()):
        words = shlex.split(arguments)
        if name == "FROM":
            stage = stages[words[-1]] = _stage(words[0], base / str(len(stages)))
        elif name == "COPY" and words[0].startswith("--from="):
            source = stages[words[0].partition("=")[2]].files
            shutil.copytree(source / words[1][1:], stage.files / words[2][1:], symlinks=True)
        elif name == "COPY":
            _copy_context(context, stage.files / words[1][1:])
        elif name == "RUN":
            done = stage.run(["sh", "-c", arguments])
            assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
        elif name == "ENV":
            stage.variables.update(word.partition("=")[::2] for word in words)
        elif name == "USER":
            stage.owner = words[0]
        elif name == "WORKDIR":
            stage.folder = words[0]
            (stage.files / words[0][1:]).mkdir(parents=True)
        elif name == "ENTRYPOINT":
            stage.entrypoint = json.loads(arguments)
        else:
            raise AssertionError(f"{name} is not understood here")
    return stage


def _stage(image: str, layer: Path) -> Stage:
    """Return an empty stage upon a base image, `python:X.Y` with any ending."""
    version = image.partition(":")[2].partition("-")[0]
    code = "import sys; print(sys.base_prefix)"
    program = python_program(version)
    assert program is not None
    prefix = subprocess.run([program, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
    for name in ("upper", "work", "root"):
        (layer / name).mkdir(parents=True, mode=0o755)
    return Stage(layer, Path(prefix))


def _copy_context(context: Path, target: Path) -> None:
    """Copy what .dockerignore lets through: a list of what is kept (`!name`) after `*`, less `**/name`."""
    lines = [line for line in (context / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    ignored = shutil.ignore_patterns(*(line[3:] for line in lines if line.startswith("**/")))
    for line in lines:
        if line.startswith("!"):
            source = context / line[1:]
            target.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target / source.name, ignore=ignored)
            else:
                shutil.copy(source, target)
