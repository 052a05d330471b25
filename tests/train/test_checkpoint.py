"""A checkpoint is whole or absent, and comes back bit by bit."""

from __future__ import annotations

import json
import warnings
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
    history = tuple(
        {
            "epoch": number + 1,
            "loss": 0.5,
            "accuracy": 0.5,
            "val_loss": 0.1 + 0.2,
            "val_accuracy": 0.5,
            "learning_rate": 0.001,
            "seconds": 1.5,
        }
        for number in range(epoch)
    )
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


def rewritten(folder: Path, **changes: np.ndarray | None) -> None:
    """Save a checkpoint again with arrays replaced, or removed where None: its zip file is in order."""
    path = folder / checkpoint.FILE
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files} | changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


def state(**changes: object) -> np.ndarray:
    saved = make()
    value = {"run": "run", "epoch": 3, "plateau": {"learning_rate": 0.1}, "history": list(saved.history), **changes}
    return np.frombuffer(json.dumps(value).encode(), np.uint8)


def test_one_of_before_the_digest_loads(tmp_path: Path) -> None:
    make().save(tmp_path)
    rewritten(tmp_path, digest=None)
    loaded = Checkpoint.load(tmp_path)
    assert loaded is not None and loaded.history == make().history
    assert loaded.weights[0].tobytes() == make().weights[0].tobytes()


@pytest.mark.parametrize(
    "changes",
    [
        {"weights_000": np.zeros((3, 4), np.float32)},
        {"weights_000": make().weights[0].reshape(4, 3)},
        {"weights_000": make().weights[0].view(np.int32)},
        {"weights_002": np.zeros(1)},
        {"optimizer_000": None},
        {"state": state(epoch=3)},
        {"digest": np.zeros(32, np.uint8)},
    ],
)
def test_the_digest_covers_all(tmp_path: Path, changes: dict[str, np.ndarray | None]) -> None:
    make().save(tmp_path)
    rewritten(tmp_path, **changes)
    with pytest.raises(RunError, match="its digest does not fit"):
        Checkpoint.load(tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"weights_000": None}, "weights_001 is missing|weights_000 is missing"),
        ({"state": None}, "state"),
        ({"state": state(epoch=2)}, "3 epochs of history"),
        ({"state": state(history=[{}, {}, {}])}, "history.epoch is missing"),
        ({"state": state(plateau=[])}, "damaged"),
        ({"state": np.frombuffer(b"[]", np.uint8)}, "damaged"),
    ],
)
def test_a_damaged_one_without_digest_is_refused(
    tmp_path: Path, changes: dict[str, np.ndarray | None], words: str
) -> None:
    make().save(tmp_path)
    rewritten(tmp_path, digest=None, **changes)
    with pytest.raises(RunError, match=words):
        Checkpoint.load(tmp_path)


def test_any_flipped_bit_is_one_sentence(tmp_path: Path) -> None:
    """What it raises depends on where it is: an unknown compression, an encrypted file, a header that is no Python."""
    make().save(tmp_path)
    path = tmp_path / checkpoint.FILE
    whole = path.read_bytes()
    refused = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for place in range(0, len(whole), 3):
            data = bytearray(whole)
            data[place] ^= 1 << place % 8
            path.write_bytes(data)
            try:
                Checkpoint.load(tmp_path)  # dates and the like may change
            except RunError as error:
                refused += 1
                assert "\n" not in str(error) and "delete it" in str(error)
    assert refused > len(whole) // 6


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
    (tmp_path / ".checkpoint.abc.gtzanet-tmp.npz").write_bytes(b"half")
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.FILE]
    checkpoint.remove(tmp_path)
    assert not list(tmp_path.iterdir())
