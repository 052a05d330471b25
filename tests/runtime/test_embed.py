"""`python -m runtime embed` refuses in one sentence, before any work, what gives no file of embeddings."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.cli import entry
from runtime.default_model import PRETRAINED


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--out", "f.csv"], "--out f.csv: NumPy's arrays are written: use a name ending in .npz"),
        (["--out", "none/f.npz"], "--out none/f.npz: there is no folder none: make it first"),
        (["--out", "f.npz"], "artifacts: no embedding here: write one with `python -m export mn04 --embedding`"),
        (["--out", "f.npz", "--model", str(PRETRAINED)], "its output is labels, no embedding"),
        (["--out", "f.npz", "--threads", "0"], "--threads is 0"),
        (["-", "--out", "f.npz"], "embed reads audio files and folders: name some"),
        ([], "embed writes a file: name it with --out FILE.npz"),
        (["--stream"], "embed --stream reads no files and writes none"),
        (["--out", "f.npz", "--hop", "1"], "--hop belongs to embed --stream"),
    ],
)
def test_misuse_is_one_sentence(
    flags: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert entry(["embed", "a.wav", *flags]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("python -m runtime: error: ") and sentence in line
    assert not list(tmp_path.iterdir())
