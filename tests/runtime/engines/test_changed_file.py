"""A model file may change while it is in use: what was checked and loaded goes on."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime.engines import load as load_engines
from runtime.engines.registry import ENGINES, NO_DYNAMIC, installed
from toolkit.artifact.file import FORMATS, model_files

SCRIPT = """
import os, shutil, sys
from pathlib import Path
import numpy as np
from runtime.engines.load import open_engine
engine, folder, *paths = sys.argv[1:]
batch = np.random.default_rng(0).integers(0, 256, (1, 288, 432, 3)).astype(np.float32)
for path in paths:
    expected = open_engine(path, engine=engine, threads=1).run(batch)
    for content in (b"", b"\\xff" * os.path.getsize(path)):
        copy = Path(shutil.copy(path, folder))
        model = open_engine(copy, engine=engine, threads=1)
        copy.write_bytes(content)  # in its place, as cp does
        assert np.array_equal(model.run(batch), expected), (path, len(content))
        print(copy.name, len(content), flush=True)
"""


@pytest.mark.parametrize("format", FORMATS)
def test_a_model_file_may_be_truncated_or_overwritten_while_it_is_in_use(
    artifacts: Path, tmp_path: Path, format: str
) -> None:
    """Engines that read a mapped file fail with a bus error, or with other weights."""
    files = [path for path in model_files(artifacts) if path.suffix == f".{format}"]
    assert {path.stem.split("-")[-1] for path in files} >= {"float32", "float16", "dynamic", "int8", "mixed"}
    names = installed(format)
    if not names:
        pytest.skip(f"no engine for .{format} of {', '.join(ENGINES)} is installed")
    for name in names:
        fitting = [str(path) for path in files if not (name in NO_DYNAMIC and path.stem.endswith(("dynamic", "mixed")))]
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, name, str(tmp_path), *fitting], capture_output=True, text=True
        )
        assert done.returncode == 0, (name, done.returncode, done.stdout, done.stderr[-500:])
        assert len(done.stdout.splitlines()) == 2 * len(fitting) > 4


@pytest.mark.parametrize("format", FORMATS)
def test_the_engine_gets_the_bytes_that_were_checked(
    artifacts: Path, tmp_path: Path, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is replaced between the check of its digest and the engine."""
    path = Path(shutil.copy(artifacts / f"gtzanet-int8.{format}", tmp_path))
    load = load_engines._load

    def replaced(name: str) -> Any:
        shutil.copy(artifacts / f"gtzanet-float32.{format}", path)
        return load(name)

    batch = np.random.default_rng(0).integers(0, 256, (1, 288, 432, 3)).astype(np.float32)
    for name in installed(format):
        expected = load_engines.open_engine(artifacts / f"gtzanet-int8.{format}", engine=name, threads=1).run(batch)
        with monkeypatch.context() as patch:
            patch.setattr(load_engines, "_load", replaced)
            engine = load_engines.open_engine(path, engine=name, threads=1)
        np.testing.assert_array_equal(engine.run(batch), expected)
