"""What a run can show: before it is made, and from what another has shown."""

from __future__ import annotations

import math

from harness.stats.clustered import t_quantile
from harness.types import Estimate


def minimum_detectable(estimate: Estimate, *, power: float = 0.8) -> float:
    """The smallest true effect that a 5% two-sided test finds with ``power``.

    Give it a paired difference, for what this pair of runs could have shown, or one run's estimate,
    for its distance from a fixed number such as a paper's.
    """
    from scipy import stats

    low, high = estimate.ci95
    if estimate.clusters < 2 or math.isnan(high - low):
        return math.nan
    df = estimate.clusters - 1
    quantile = t_quantile(df)
    error = (high - low) / 2 / quantile
    return error * (quantile + float(stats.t.ppf(power, df)))


def expected(
    videos: int, per_video: int, *, value: float = 0.5, correlation: float = 0.0
) -> Estimate:
    """What a run over ``videos`` × ``per_video`` questions will be worth, before running it.

    ``correlation`` is that of two scores of one video; the design effect is
    1 + (per_video - 1) · correlation (Kish 1965).
    """
    n = videos * per_video
    if videos < 2:
        return Estimate(value, (math.nan, math.nan), n, videos)
    variance = value * (1 - value) / n * (1 + (per_video - 1) * correlation)
    reach = t_quantile(videos - 1) * math.sqrt(variance)
    return Estimate(value, (max(value - reach, 0.0), min(value + reach, 1.0)), n, videos)
