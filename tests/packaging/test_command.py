"""The console command's own part: finding the package that is asked for."""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest

import gtzanet_edge


@pytest.mark.parametrize("package", gtzanet_edge.PACKAGES)
def test_every_verb_has_a_command_line(package: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        gtzanet_edge.entry([package, "--help"])
    assert stopped.value.code == 0
    assert "usage" in capsys.readouterr().out


def test_arguments_and_exit_code_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("runtime.cli")
    seen: list[list[str]] = []
    module.entry = lambda argv: seen.append(argv) or 7  # type: ignore[attr-defined, func-returns-value]
    monkeypatch.setattr(importlib, "import_module", lambda name: {"runtime.cli": module}[name])
    assert gtzanet_edge.entry(["runtime", "a.wav", "--json"]) == 7
    assert seen == [["a.wav", "--json"]]


def test_a_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def absent(name: str) -> ModuleType:
        raise ModuleNotFoundError(f"No module named {name!r}", name="tensorflow.python")

    monkeypatch.setattr(importlib, "import_module", absent)
    assert gtzanet_edge.entry(["train", "gtzanet"]) == 1
    assert "train needs tensorflow" in capsys.readouterr().err


def test_a_fault_of_our_own_is_not_blamed_on_a_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> ModuleType:
        raise ModuleNotFoundError("No module named 'train.nowhere'", name="train.nowhere")

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(ModuleNotFoundError):
        gtzanet_edge.entry(["train"])


@pytest.mark.parametrize(
    ("argv", "hint"),
    [
        ([], "try: gtzanet-edge --help"),
        (["foo"], "try: gtzanet-edge --help"),
        (["trian"], "did you mean train?"),
        (["benchmark"], "did you mean benchmarks?"),
    ],
)
def test_an_unknown_command_is_misuse(argv: list[str], hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert gtzanet_edge.entry(argv) == 2
    assert hint in capsys.readouterr().err


def test_help_lists_every_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert gtzanet_edge.entry(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(package in shown for package in gtzanet_edge.PACKAGES)
