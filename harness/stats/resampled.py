"""Intervals that assume no formula: videos drawn anew, or left out in turn."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from harness.stats.clustered import LEVEL, Floats, codes, t_quantile
from harness.types import Estimate


def bootstrap(
    scores: Sequence[float],
    clusters: Sequence[Hashable],
    *,
    seed: int = 0,
    resamples: int = 9999,
) -> tuple[float, float]:
    """The percentile interval of the mean when whole videos are drawn anew, from ``seed``.

    A check on the t interval that assumes no shape. NaN bounds for fewer than two clusters.
    """
    from scipy import stats  # imported late: report commands must start in under a second

    cluster = codes(clusters)
    if len(scores) == 0 or cluster.max() == 0:
        return math.nan, math.nan
    sums = np.bincount(cluster, weights=np.asarray(scores, dtype=np.float64))
    sizes = np.bincount(cluster).astype(np.float64)

    def mean(s: NDArray[np.float64], n: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
        return np.asarray(s.sum(axis=axis) / n.sum(axis=axis))

    interval = stats.bootstrap(
        (sums, sizes),
        mean,
        paired=True,
        vectorized=True,
        method="percentile",
        confidence_level=LEVEL,
        n_resamples=resamples,
        batch=1000,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(interval.low), float(interval.high)


def of_sums(
    statistic: Callable[[Floats], float],
    sums: Sequence[Sequence[float]],
    *,
    n: int,
    low: float | None = None,
    high: float | None = None,
) -> Estimate:
    """A statistic that is no mean but a function of sums, such as an F1 or a correlation.

    ``sums`` [clusters, m] holds each video's part of the m sums; ``statistic`` takes their totals
    [m]; ``n`` is what the estimate reports. The interval is the jackknife's: every video is left
    out in turn by subtracting its part, so the time is linear in the videos. The interval is cut
    at the bounds; NaN for fewer than two videos.
    """
    parts = np.asarray(sums, dtype=np.float64)
    if len(parts) == 0:
        return Estimate(math.nan, (math.nan, math.nan), 0, 0)
    totals = parts.sum(0)
    value, count = float(statistic(totals)), len(parts)
    if count < 2:
        return Estimate(value, (math.nan, math.nan), n, count)
    rest = [statistic(totals - part) for part in parts]
    error = math.sqrt((count - 1) * float(np.var(rest)))
    reach = t_quantile(count - 1) * error if error > 0 else math.nan
    below, above = value - reach, value + reach
    return Estimate(
        value,
        (below if low is None else max(below, low), above if high is None else min(above, high)),
        n,
        count,
    )
