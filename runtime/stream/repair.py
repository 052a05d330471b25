"""Damaged samples of a float stream count as 0: one of them does not end it."""

from __future__ import annotations

import numpy as np

from runtime.stream.blocks import Blocks, Report
from toolkit.audio.samples import MAX_MAGNITUDE


def repaired(blocks: Blocks, report: Report) -> Blocks:
    """Yield blocks with 0 in place of NaN, infinity and magnitudes above 1e6.

    The first such sample is reported at once, and their number when the sound ends.
    """
    damaged = total = 0
    try:
        for block in blocks:
            if block is None:
                yield None
                continue
            bad = ~(np.abs(block) <= MAX_MAGNITUDE)  # true for NaN, too
            count = int(bad.sum())
            if count and not damaged:
                report("a sample is NaN, infinite or above 1e6: it counts as 0 (if there are many, check --pcm)")
            damaged, total = damaged + count, total + block.size
            yield np.where(bad, np.float32(0), block) if count else block
    finally:
        if damaged:
            report(f"{damaged} of {total} samples were NaN, infinite or above 1e6, and counted as 0")
