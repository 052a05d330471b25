"""What a shell is told may come next: verbs, flags and their values, of the package and verb on its line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gtzanet_edge import entry
from toolkit import completion

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "import gtzanet_edge; gtzanet_edge.main()"]


def offered(line: str, tmp_path: Path) -> list[str]:
    """Return what argcomplete writes to descriptor 8 for a shell with this line."""
    answer = tmp_path / "answer"
    shell = {"COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n"}
    script = f'exec "$@" 8>{answer} 9>/dev/null'
    subprocess.run(["bash", "-c", script, "bash", *COMMAND], cwd=ROOT, env={**os.environ, **shell}, check=True)
    return [word.strip() for word in answer.read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("gtzanet-edge ben", {"benchmarks"}),
        ("gtzanet-edge benchmarks comp", {"compare"}),
        ("gtzanet-edge benchmarks matrix --min-", {"--min-duration", "--min-count"}),
        ("gtzanet-edge export --format ", {"tflite", "onnx", "all", "c-array", "web"}),
        ("gtzanet-edge runtime doct", {"doctor"}),
        ("gtzanet-edge completion ", {"bash", "zsh", "fish"}),
    ],
)
def test_what_may_come_next(line: str, expected: set[str], tmp_path: Path) -> None:
    assert set(offered(line, tmp_path)) - {"-h", "--help"} == expected


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_each_shell_gets_its_code(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry(["completion", shell]) == 0
    assert "gtzanet-edge" in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["csh"], ["bash", "zsh"]])
def test_another_shell_is_misuse(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert entry(["completion", *words]) == 2
    assert "bash, zsh, fish" in capsys.readouterr().err
