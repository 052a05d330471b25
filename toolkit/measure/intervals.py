"""95 % intervals of quantiles, from sorted values alone: no distribution is assumed."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

Interval = tuple[float | None, float | None]
"""Two ends of a 95 % interval; None where there are too few values to know one."""


def quantile_interval(values: ArrayLike, share: float) -> Interval:
    """Return the 95 % interval of the quantile below which a `share` of all values lies, from sorted `values` (n,).

    Its ends are values themselves: how many of n lie below the quantile is binomial, whatever the distribution. At each
    end it is missed in 2.5 % of cases at most, if the values are independent.
    """
    ordered = np.asarray(values, np.float64)
    n = len(ordered)
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])  # of factorials
    k = np.arange(n + 1)
    below = np.cumsum(np.exp(logs[n] - logs - logs[::-1] + k * math.log(share) + (n - k) * math.log1p(-share)))
    low = int(np.searchsorted(below, 0.025, side="right"))  # the most values that may be left out at this end
    high = int(np.searchsorted(below, 0.975, side="left"))
    return (float(ordered[low - 1]) if low else None, float(ordered[high]) if high < n else None)


def median_interval_rank(n: int) -> int:
    """Return how many of n sorted values to leave out at each end for the median's 95 % interval (0 where n < 6)."""
    tail, rank = 0.0, 0
    while (tail := tail + math.comb(n, rank) / 2**n) <= 0.025:
        rank += 1
    return max(0, rank - 1)
