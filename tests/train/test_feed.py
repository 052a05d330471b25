"""Whatever feeds a batch, the network gets the pictures and labels of the numbers it names, in that order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from train.data import Part

pytestmark = pytest.mark.slow


def part(items: int = 7) -> Part:
    rng = np.random.default_rng(3)
    pictures = rng.integers(0, 256, (items, 4, 6, 3), np.uint8)  # every byte value: four of them can be a NaN
    return Part(
        tuple(map(str, range(items))), pictures, rng.integers(0, 10, items).astype(np.int32), np.arange(items), ()
    )


def feeds(data: Part) -> dict[str, Any]:
    from train.feed import HostFeed, ResidentFeed

    return {"host": HostFeed(data), "ahead": HostFeed(data, ahead=True), "resident": ResidentFeed(data, "CPU:0")}


@pytest.mark.parametrize("kind", ["host", "ahead", "resident"])
def test_batches_are_what_was_chosen(kind: str) -> None:
    data = part()
    chosen = [np.array(numbers) for numbers in ([5, 0, 3], [1, 1], [6])]
    batches = list(feeds(data)[kind].batches(chosen))
    assert len(batches) == 3
    for numbers, (pictures, labels) in zip(chosen, batches, strict=True):
        assert pictures.dtype.name == "uint8" and labels.dtype.name == "int32"
        assert np.array_equal(pictures.numpy(), data.values[numbers])
        assert np.array_equal(labels.numpy(), data.labels[numbers])


def test_bytes_that_are_no_number_come_back() -> None:
    """0x7f800001 is a signalling NaN: a copy through arithmetic would change its bits."""
    from train.feed import ResidentFeed

    pictures = np.tile(np.array([1, 0, 128, 127], np.uint8), 6).reshape(1, 2, 4, 3)
    data = Part(("a",), pictures, np.zeros(1, np.int32), np.arange(1), ())
    ((back, _),) = ResidentFeed(data, "CPU:0").batches([np.array([0])])
    assert np.array_equal(back.numpy(), pictures)


@pytest.mark.parametrize("kind", ["host", "ahead", "resident"])
def test_grids_come_as_they_are(kind: str) -> None:
    values = np.random.default_rng(0).normal(size=(3, 5, 7, 1)).astype(np.float32)
    values[0, 0, 0] = -np.inf
    data = Part(("a", "b", "c"), values, np.arange(3, dtype=np.int32), np.arange(3), ())
    ((back, _),) = feeds(data)[kind].batches([np.array([2, 0])])
    assert back.dtype.name == "float32" and np.array_equal(back.numpy(), values[[2, 0]])


def test_many_pictures_are_sent_batch_by_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    from train import feed

    monkeypatch.setattr(feed, "GPU", "CPU:0")
    data = part()
    assert isinstance(feed.make_feed(data, "gpu"), feed.ResidentFeed)
    assert not getattr(feed.make_feed(data, "cpu"), "ahead", True)
    monkeypatch.setattr(feed, "RESIDENT_BYTES", data.values.nbytes - 1)
    many = feed.make_feed(data, "gpu")
    odd = Part(("a",), np.zeros((1, 3, 3, 1), np.uint8), np.zeros(1, np.int32), np.arange(1), ())
    assert isinstance(feed.make_feed(odd, "gpu"), feed.HostFeed), "nine bytes are no whole number of float32"
    assert isinstance(many, feed.HostFeed) and many.ahead


def test_the_next_batch_is_gathered_while_the_last_one_is_used() -> None:
    import threading

    from train.feed import HostFeed

    second = threading.Event()

    class Watched(HostFeed):
        def _gather(self, numbers: np.ndarray) -> Any:
            if numbers[0] == 1:
                second.set()
            return super()._gather(numbers)

    batches = Watched(part(), ahead=True).batches([np.array([0]), np.array([1])])
    next(batches)
    assert second.wait(10), "the second batch is gathered before it is needed"
    assert len(list(batches)) == 1
