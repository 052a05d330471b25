"""Where the files of ONNX Runtime Web come from, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from export.cli import entry
from export.web.onnxruntime_web import FILES, NPM, PACKAGE, vendored
from export.web.page import refuse_foreign
from toolkit.errors import RunError, UsageError


def test_a_folder_that_holds_the_package(engine_files: Path, tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "dist").symlink_to(engine_files)
    contents = vendored(tmp_path / "package")
    assert contents == vendored(engine_files)
    assert set(contents) == {name for name, _ in FILES.values()}


def test_another_release_is_refused(engine_files: Path, tmp_path: Path) -> None:
    for name, content in vendored(engine_files).items():
        (tmp_path / name).write_bytes(content[:-1])
    with pytest.raises(UsageError, match="is not that of onnxruntime-web"):
        vendored(tmp_path)


def test_a_folder_without_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"holds no ort.wasm.bundle.min.mjs: name the folder of {PACKAGE}"):
        vendored(tmp_path)


def test_npm_that_is_absent_or_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RunError, match="--vendor needs npm, which is not installed"):
        vendored(NPM)
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'npm error code ENOTFOUND' >&2\nexit 1\n")
    npm.chmod(0o755)
    with pytest.raises(RunError, match="npm failed \\(npm error code ENOTFOUND\\): try again"):
        vendored(NPM)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--vendor", "--vendor belongs to --format web"),
        ("--format web --input mel", "--input mel: the page hears samples"),
        ("--format web --quantize all", "--quantize all: a page has one file"),
        ("--format web --quantize int16x8", "not offered for onnx"),
        ("--format web --dynamic-batch", "--dynamic-batch does not go with --format web"),
        ("mn04 --embedding --format web", "--embedding does not go with --format web"),
        ("--format web --vendor nowhere", "--vendor nowhere: holds no ort.wasm.bundle.min.mjs"),
    ],
)
def test_misuse(arguments: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry(arguments.split()) == 2
    assert message in capsys.readouterr().err


def test_files_that_no_page_wrote_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "index.html").write_text("somebody's")
    arguments = ["tests/data/gtzanet", "--format", "web", "--output", str(tmp_path)]
    assert entry(arguments) == 2
    assert "its index.html is not from an earlier page: name another folder" in capsys.readouterr().err
    (tmp_path / "files.json").write_text('{"model": {}, "wasm": {}}')
    with pytest.raises(UsageError, match="index.html"):
        refuse_foreign(tmp_path)
    (tmp_path / "files.json").write_text(json.dumps(dict.fromkeys(["model", *FILES], {})))
    refuse_foreign(tmp_path)
