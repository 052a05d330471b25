"""A checkpoint is whole or absent, and comes back bit by bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from toolkit.errors import RunError
from toolkit.files import remove_leftovers
from train import checkpoint
from train.checkpoint import Checkpoint
from train.schedule import Plateau


def make(epoch: int = 3) -> Checkpoint:
    rng = np.random.default_rng(epoch)
    weights = (rng.normal(size=(3, 4)).astype(np.float32), np.array(7, np.int64))
    history = ({"epoch": epoch, "val_loss": 0.1 + 0.2},)
    return Checkpoint("run", epoch, Plateau(0.001, 0.5, 1), history, weights, (rng.normal(size=5).astype(np.float32),))


def test_comes_back_bit_by_bit(tmp_path: Path) -> None:
    saved = make()
    saved.save(tmp_path)
    loaded = Checkpoint.load(tmp_path)
    assert loaded is not None
    assert (loaded.run, loaded.epoch, loaded.plateau, loaded.history) == (
        saved.run,
        saved.epoch,
        saved.plateau,
        saved.history,
    )
    for mine, theirs in zip((*saved.weights, *saved.optimizer), (*loaded.weights, *loaded.optimizer), strict=True):
        assert mine.tobytes() == theirs.tobytes() and mine.dtype == theirs.dtype and mine.shape == theirs.shape


def test_best_loss_may_still_be_infinite(tmp_path: Path) -> None:
    Checkpoint("run", 0, Plateau(0.1), (), (), ()).save(tmp_path)
    loaded = Checkpoint.load(tmp_path)
    assert loaded is not None and loaded.plateau == Plateau(0.1)


def test_none_where_there_is_none(tmp_path: Path) -> None:
    assert Checkpoint.load(tmp_path) is None


@pytest.mark.parametrize("keep", [0, 10, 200, -1])
def test_a_damaged_file_says_what_to_do(tmp_path: Path, keep: int) -> None:
    make().save(tmp_path)
    path = tmp_path / checkpoint.FILE
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(RunError, match="delete it"):
        Checkpoint.load(tmp_path)


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    make().save(tmp_path)
    path = tmp_path / checkpoint.FILE
    data = bytearray(path.read_bytes())
    data[data.index(make().weights[0].tobytes())] ^= 1
    path.write_bytes(data)
    with pytest.raises(RunError, match="damaged"):
        Checkpoint.load(tmp_path)


def test_a_full_disk_keeps_the_last_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(1).save(tmp_path)

    def full(path: Path, **_: object) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space"):
        make(2).save(tmp_path)
    loaded = Checkpoint.load(tmp_path)
    assert loaded is not None and loaded.epoch == 1
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.FILE]


def test_sweep_removes_what_a_killed_process_left(tmp_path: Path) -> None:
    make().save(tmp_path)
    (tmp_path / ".checkpoint.abc.tmp.npz").write_bytes(b"half")
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.FILE]
    checkpoint.remove(tmp_path)
    assert not list(tmp_path.iterdir())
