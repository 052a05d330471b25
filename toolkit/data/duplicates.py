"""Which audio files hold the same sound at another rate, level, offset or format: near-duplicates.

A file's fingerprint has 32 bits per frame, each the sign of a difference in time of a difference between neighbouring
bands (J. Haitsma and T. Kalker, A Highly Robust Audio Fingerprinting System, ISMIR 2002), here of log energies. Level
and slow equalisation leave them as they are. Two files are alike where, at one offset, few of their bits differ and
their samples correlate: two tunes in one key and tempo share bits, and no waveform.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from toolkit.audio import decode
from toolkit.data.dataset import Index, Item
from toolkit.errors import GtzanetError
from toolkit.parallel import Progress, map_threads

RATE = 8_000
FRAME, HOP = 2048, 256  # 256 ms and 32 ms
LAG = 4
"""Frames from one energy to the other of a difference in time: half a frame's length."""
EDGES = np.round(np.geomspace(200, 3_800, 34) * FRAME / RATE).astype(np.int64)
QUIET = 1e-5
"""A frame's energy relative to the loudest from which on its bits count: what is below is rounding and hiss."""
BLOCK = 256
LEAST_FRAMES = 10
HASHES = ((0, 20), (6, 20), (12, 20))
"""(first bit, bits) of the parts of a frame's bits that are looked up: a part is equal more often than the whole."""
MOST_EQUAL = 64
"""A part that is equal in more frames than these says nothing."""
LEAST_VOTES = 2

LEAST_CORRELATION = 0.55
CORRELATED, CORRELATED_BLOCKS, NEAR = 8_192, 8, 2 * HOP
"""Samples of a block whose waveforms are compared, how many such blocks, and how far the offset may be off."""

Words = NDArray[np.uint32]


@dataclass(frozen=True)
class Alike:
    """Two items with the same sound: the second begins `seconds` into the first."""

    first: str
    second: str
    seconds: float

    def __str__(self) -> str:
        """Return a pair as a message names it."""
        return f"{self.first} = {self.second} at {self.seconds:+.1f} s"


def near_duplicates(index: Index, progress: Progress | None = None) -> tuple[Alike, ...]:
    """Return the pairs of a dataset's audio files that hold the same sound; none of pictures.

    None, too, where the files' recordings are stated. Equal files are in `Index.duplicates`, and not here. `progress`
    is called as `progress(done, total)`.
    """
    if index.kind != "audio" or any(item.group for item in index.items):
        return ()
    names = {item.digest: item.name for item in reversed(index.items)}
    items = [item for item in index.items if names[item.digest] == item.name]
    prints = map_threads(partial(_file_fingerprint, index), items, progress)
    return tuple(
        Alike(items[i].name, items[j].name, frames * HOP / RATE)
        for i, j, frames in alike_pairs(prints)
        if correlation(_samples(index, items[i]), _samples(index, items[j]), frames * HOP) >= LEAST_CORRELATION
    )


def fingerprint(samples: NDArray[np.float32]) -> Words:
    """Return 32 bits per frame of mono samples at 8,000 Hz, uint32 (frames,); 0 where a frame is quiet."""
    if len(samples) < FRAME:
        return np.zeros(0, np.uint32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP]
    window = np.hanning(FRAME).astype(np.float32)
    energy = np.concatenate([_band_energy(frames[at : at + BLOCK] * window) for at in range(0, len(frames), BLOCK)])
    total = energy.sum(1)
    heard = total > QUIET * total.max(initial=0.0)
    across_bands = -np.diff(np.log(energy + 1e-12), axis=1)
    bits = across_bands[LAG:] > across_bands[:-LAG]
    words = np.packbits(bits, axis=1, bitorder="little").copy().view("<u4")[:, 0].astype(np.uint32)
    return np.asarray(words * (heard[LAG:] & heard[:-LAG]), np.uint32)


def alike_pairs(prints: Sequence[Words]) -> Iterator[tuple[int, int, int]]:
    """Yield (i, j, offset) of the fingerprints that are alike, i < j: frame 0 of j is frame `offset` of i."""
    best: dict[tuple[int, int], tuple[float, int]] = {}
    for i, j, candidate in _candidates(prints):
        for offset in (candidate - 1, candidate, candidate + 1):
            errors, limit = _bit_errors(prints[i], prints[j], offset)
            best[i, j] = min(best.get((i, j), (0.0, 0)), (errors - limit, offset))
    yield from ((i, j, offset) for (i, j), (margin, offset) in sorted(best.items()) if margin < 0)


def correlation(one: NDArray[np.float32], two: NDArray[np.float32], offset: int) -> float:
    """Return how alike two waveforms are where `two` begins `offset` samples into `one`: 0 to 1, the median of blocks.

    Each block's correlation coefficient is the largest of those near the offset, of either sign.
    """
    start, end = max(0, offset), min(len(one), len(two) + offset)
    length = min(CORRELATED, end - start)
    if length < FRAME:
        return 0.0
    peaks = []
    for at in np.linspace(start, end - length, CORRELATED_BLOCKS).astype(int):
        a, b = one[at : at + length], two[at - offset : at - offset + length]
        spectrum = np.fft.rfft(a, 2 * length) * np.conj(np.fft.rfft(b, 2 * length))
        lags = np.abs(np.fft.irfft(spectrum))
        norm = math.sqrt(float(np.dot(a, a)) * float(np.dot(b, b)))
        peaks.append(float(max(lags[:NEAR].max(), lags[-NEAR:].max())) / norm if norm > 0 else 0.0)
    return float(np.median(peaks))


def _file_fingerprint(index: Index, item: Item) -> Words:
    """Return a file's fingerprint."""
    return fingerprint(_samples(index, item))


def _samples(index: Index, item: Item) -> NDArray[np.float32]:
    try:
        return decode.load(index.path(item), RATE)
    except GtzanetError:  # so short that nothing is left at this rate
        return np.zeros(0, np.float32)


def _band_energy(frames: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the energy of 33 bands, spaced evenly in log frequency, (frames, 33)."""
    spectrum = np.fft.rfft(frames)
    power = spectrum.real**2 + spectrum.imag**2
    return np.asarray(np.add.reduceat(power, EDGES, axis=1)[:, :-1], np.float64)


def _candidates(prints: Sequence[Words]) -> list[tuple[int, int, int]]:
    """Return (i, j, offset) where several parts of words are equal."""
    lengths = [len(words) for words in prints]
    if not sum(lengths):
        return []
    owner = np.repeat(np.arange(len(prints)), lengths)
    place = np.concatenate([np.arange(length) for length in lengths])
    words = np.concatenate(prints)
    owner, place, words = owner[words > 0], place[words > 0], words[words > 0]
    span = 2 * max(lengths)
    votes = [np.zeros(0, np.int64)]
    for first, second in itertools.chain.from_iterable(_equal(words, *part) for part in HASHES):
        other = owner[first] != owner[second]
        i, j = first[other], second[other]
        votes.append((owner[i] * len(prints) + owner[j]) * span + place[i] - place[j] + span // 2)
    keys, counts = np.unique(np.concatenate(votes), return_counts=True)
    pairs, offsets = np.divmod(keys[counts >= LEAST_VOTES], span)
    return [(*divmod(int(pair), len(prints)), int(o) - span // 2) for pair, o in zip(pairs, offsets, strict=True)]


def _equal(words: Words, first_bit: int, bits: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the places of words with equal parts, in pairs (lower, higher)."""
    parts = (words >> np.uint32(first_bit)) & np.uint32((1 << bits) - 1)
    order = np.argsort(parts, kind="stable")
    _, counts = np.unique(parts, return_counts=True)
    few = (counts > 1) & (counts <= MOST_EQUAL)
    order = order[np.repeat(few, counts)]
    size = np.repeat(counts[few], counts[few])
    rank = np.arange(len(order)) - np.repeat(np.cumsum(counts[few]) - counts[few], counts[few])
    for step in range(1, MOST_EQUAL):
        at = np.flatnonzero(rank + step < size)
        if not len(at):
            return
        yield order[at], order[at + step]


def _bit_errors(one: Words, two: Words, offset: int) -> tuple[float, float]:
    """Return the share of bits that differ where both are heard, and the share up to which these are alike.

    The fewer the frames, the fewer may differ by chance. Bits of neighbouring frames depend on each other.
    """
    start, end = max(0, offset), min(len(one), len(two) + offset)
    a, b = one[start:end], two[start - offset : max(0, end - offset)]
    heard = (a > 0) & (b > 0)
    count = int(heard.sum())
    if count < LEAST_FRAMES:
        return 1.0, 0.0
    differing = int(np.unpackbits((a ^ b)[heard].view(np.uint8)).sum())
    return differing / (32 * count), 0.35 - 0.7 / math.sqrt(count)
