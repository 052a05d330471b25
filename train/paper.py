"""What the paper printed, and what it should have printed: facts to show beside a reproduction.

Source: A. Cox, A. Sato, E.-R. Kausche, "Using a Convolutional Neural Networks to Classify Musical Genres", results
table.
"""

from __future__ import annotations

from dataclasses import dataclass

VALIDATION_ITEMS = 199


@dataclass(frozen=True)
class PaperResult:
    """A line of the paper's table: correct of 199, the printed interval, its "top-5" count (which is no top-5)."""

    correct: int
    printed_interval: tuple[float, float]
    printed_top5: int


RESULTS = {
    "zfnet": PaperResult(89, (0.378, 0.516), 130),
    "gtzanet": PaperResult(105, (0.458, 0.567), 124),
}

TOP5_NOTE = (
    "The paper's \"top-5\" used Keras' `TopKCategoricalAccuracy` on integer labels. That metric takes the argmax of a "
    "label of length one, which is always 0, so it counts how often class 0 (blues) is among the five highest scores, "
    "whatever the clip is. The column *blues in top 5* repeats that mismeasurement; *true top-5* is the share of clips "
    "whose own genre is among the five highest."
)

LEAK_NOTE = (
    "The paper's split leaks: 161 of its 199 validation tracks share an artist with training tracks, and GTZAN holds "
    "exact duplicates. Accuracy on `fault-filtered` (no faulty tracks, no artist on two sides) is the honest number."
)
