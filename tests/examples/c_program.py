"""Building the example in C as its page says, and running it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "c.md"
SANITIZED = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
NATIVE, CROSS = "${CC:-gcc}", "aarch64-linux-gnu-gcc"
"""What the two commands of the page begin with."""


def needs(*tools: str) -> Any:
    """Return a mark that skips a test where a program is missing, unless that would hide a failure (CI)."""
    lacking = [tool for tool in tools if shutil.which(tool) is None]
    return pytest.mark.skipif(
        bool(lacking) and not os.environ.get("CI"), reason=f"there is no {', '.join(lacking)} here"
    )


def build(
    target: Path,
    compiler: str = NATIVE,
    flags: Sequence[str] = (),
    library: Path | None = None,
    source: str = "examples/c/classify.c",
) -> Path:
    """Build a program to `target` by the page's command that begins with `compiler`, and more flags.

    `library` is the folder of libLiteRt.so: by default, that of the installed wheel.
    """
    if library is None:
        import ai_edge_litert

        library = Path(ai_edge_litert.__path__[0])
    [command] = re.findall(rf"^{re.escape(compiler)} .*", PAGE.read_text(), re.MULTILINE)
    command = f"{command} {shlex.join(flags)}".replace("-o classify", f"-o {shlex.quote(str(target))}")
    command = command.replace("examples/c/classify.c", source)
    done = subprocess.run(
        ["sh", "-c", command], cwd=ROOT, env={**os.environ, "LITERT": str(library)}, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done.stderr
    return target


def run(*words: str | Path, code: int = 0) -> str:
    """Run the program; return what it prints, to the standard error if it fails, which it must with `code`."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=300)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    printed, other = (done.stderr, done.stdout) if code else (done.stdout, done.stderr)
    assert other == ""
    return printed


def parsed(printed: str) -> tuple[str, dict[str, float]]:
    """Return the label that the program prints for a file, and the probabilities by label."""
    first, *lines = printed.splitlines()
    pairs = [line.split(maxsplit=1) for line in lines]
    return first.rsplit(": ", 1)[1], {label: float(probability) for probability, label in pairs}
