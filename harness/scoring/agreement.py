"""How far two judges, or a judge and itself, agree: Cohen's kappa with a clustered interval."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from harness.types import Estimate


def kappa(
    first: Sequence[float],
    second: Sequence[float],
    clusters: Sequence[Hashable],
    *,
    weighted: bool = False,
) -> Estimate:
    """Cohen's kappa of two judges' verdicts on the same n responses, -1..1.

    ``weighted`` takes squared distances between scores instead of same or not (for 0 to 5). The
    95% interval leaves out each video of ``clusters`` in turn (jackknife, t quantile): NaN for
    fewer than two. NaN when both judges always say the same one thing: chance agreement is 1.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if not len(a) == len(b) == len(clusters):
        raise ValueError(f"{len(a)}, {len(b)} and {len(clusters)} values: they must be as many")
    codes: dict[Hashable, int] = {}
    cluster = np.array([codes.setdefault(c, len(codes)) for c in clusters], dtype=np.intp)
    value = _kappa(a, b, weighted)
    count = len(codes)
    rest = [_kappa(a[cluster != c], b[cluster != c], weighted) for c in range(count)]
    if not rest or any(map(math.isnan, rest)):
        return Estimate(value, (math.nan, math.nan), len(a), count)
    from scipy import stats  # imported late: commands that only read must start fast

    error = math.sqrt((count - 1) * float(np.var(rest)))
    half = float(stats.t.ppf(0.975, count - 1)) * error
    return Estimate(value, (max(-1.0, value - half), min(1.0, value + half)), len(a), count)


def _kappa(a: NDArray[np.float64], b: NDArray[np.float64], weighted: bool) -> float:
    """1 - observed disagreement / disagreement expected of independent judges."""
    if len(a) == 0:
        return math.nan
    pairs = a[:, None] - b[None, :]
    expected = float(np.mean(pairs**2 if weighted else pairs != 0))
    observed = float(np.mean((a - b) ** 2 if weighted else a != b))
    return math.nan if expected == 0 else 1.0 - observed / expected
