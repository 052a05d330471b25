"""A run's folder: who may work in it, and what becomes of it when nothing could be trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.train.test_config import make_config
from toolkit.errors import RunError
from train import run


def nothing(*_: Any) -> None:
    return None


def test_a_folder_without_a_checkpoint_is_discarded(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    run.discard(folder)
    assert not folder.exists()
    run.discard(folder)  # nothing is there any more


@pytest.mark.parametrize("name", ["checkpoint.npz", "metrics.json"])
def test_a_folder_with_something_in_it_is_kept(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    run.discard(tmp_path)
    assert (tmp_path / name).exists()


def test_a_folder_that_another_process_holds_is_kept(tmp_path: Path) -> None:
    (tmp_path / "config.json").touch()
    with run.locked(tmp_path):
        run.discard(tmp_path)
    assert (tmp_path / "config.json").exists()


@pytest.mark.slow
def test_a_run_that_was_finished_meanwhile_is_not_trained_again(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text("{}")
    dataset: Any = None
    with pytest.raises(RunError, match="another process has finished this run"):
        run.work(tmp_path, make_config(), dataset, None, nothing, nothing)
    assert (tmp_path / "metrics.json").read_text() == "{}"
