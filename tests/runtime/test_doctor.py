"""The doctor: what works is said to work, and what does not says why and what to do."""

from __future__ import annotations

import importlib.metadata
import subprocess
from pathlib import Path

import pytest

from runtime import doctor
from runtime.cli import entry
from runtime.engines.registry import installed


def test_this_machine_is_well(artifacts: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model = artifacts / "gtzanet-int8.tflite"
    assert entry(["doctor", str(model)]) == 0
    out, err = capfd.readouterr()
    assert err == "" and "BAD" not in out
    for words in ("numpy ", "soundfile ", "soxr ", "litert ", "for .tflite files", f"{model}: gtzanet, int8, whole"):
        assert words in out
    assert "runs it in" in out and "ms on one thread" in out


def test_a_damaged_model_is_bad(artifacts: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    content = bytearray((artifacts / "gtzanet-int8.tflite").read_bytes())
    content[2000] ^= 1
    (tmp_path / "model.tflite").write_bytes(content)
    assert entry(["doctor", str(tmp_path / "model.tflite")]) == 1
    assert f"BAD   {tmp_path / 'model.tflite'}: " in capfd.readouterr().out


def test_without_engines_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, artifacts: Path) -> None:
    monkeypatch.setattr(doctor, "installed", lambda format=None: ())
    findings = doctor.examined(artifacts / "gtzanet-float32.onnx")
    texts = [finding.text for finding in findings if finding.bad]
    assert texts[0].startswith("no engine works: run `pip install ai-edge-litert`")
    assert texts[1].startswith("no engine for .onnx files is installed: run `pip install onnxruntime`")


def test_an_engine_that_crashes_does_not_take_the_doctor_along(monkeypatch: pytest.MonkeyPatch) -> None:
    real = doctor._run

    def crash(arguments: list[str]) -> subprocess.CompletedProcess[str]:
        if "onnxruntime" in arguments[-1]:
            return real(["-c", "import os, signal; os.kill(os.getpid(), signal.SIGILL)"])
        return real(arguments)

    monkeypatch.setattr(doctor, "_run", crash)
    if "onnxruntime" not in installed():
        pytest.skip("ONNX Runtime is not installed")
    (finding,) = (finding for finding in doctor.examined() if finding.text.startswith("onnxruntime"))
    assert "does not work (it needs an instruction that this processor lacks)" in finding.text and not finding.bad


def test_the_older_engine_needs_the_older_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "installed", lambda format=None: ("tflite-runtime",))
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "2.14.0" if name != "numpy" else "2.1.0")
    (finding,) = (finding for finding in doctor.examined() if finding.text.startswith("tflite-runtime"))
    assert finding.text == 'tflite-runtime 2.14.0 needs NumPy 1, 2.1.0 is installed: run `pip install "numpy<2"`'
