"""A judged mean corrected by a few human verdicts: prediction-powered inference, by video.

Angelopoulos et al. 2023 (arXiv 2301.09633) and 2024 (PPI++, arXiv 2311.01453): with a judge's
values f on all N responses and human values y on n of them,

    mean = λ · mean_N(f) + mean_n(y - λ · f)

is right whatever the judge is worth, and λ is chosen to make it narrow. The n must have been drawn
at random. Questions of one video are dependent, so both parts vary by video.

Where judge and people differ in no video, or people's values are all alike, the second part does
not vary, which would claim that no other video is unlike these. K labelled videos leave a share of
1 - 0.025^(1/K) of videos that may be, as in ``harness.stats.clustered``; where they do vary,
1 - 0.25^(1/K) at least.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping

import numpy as np
from numpy.typing import NDArray

from harness.errors import RequestError
from harness.stats.clustered import LEVEL, NEARLY
from harness.types import Estimate


def calibrated(
    judged: Mapping[str, float],
    human: Mapping[str, float],
    clusters: Mapping[str, Hashable],
    *,
    tuning: float | None = None,
    scale: tuple[float, float] | None = None,
) -> Estimate:
    """The mean of the human value over all responses in ``judged`` (question key → value).

    ``human`` holds the verdicts there are, for keys of ``judged``; ``clusters`` the video of each.
    ``tuning`` fixes λ (0: human verdicts alone; 1: plain PPI); None estimates it, within 0..1.
    ``scale`` is the lowest and highest value there is: value and interval are cut to it, for the
    sum of both parts can lie outside.
    The 95% interval has a t quantile on the labelled videos less one and is never narrower than the
    videos that nobody labelled allow; NaN for fewer than two, and where nothing varies without a
    ``scale``.
    Raises RequestError for verdicts about responses that the judge has not scored.
    """
    _refuse(judged, human)
    keys = list(judged)
    codes: dict[Hashable, int] = {}
    cluster = np.array([codes.setdefault(clusters[key], len(codes)) for key in keys])
    f = np.array([judged[key] for key in keys])
    has = np.array([key in human for key in keys])
    y = np.array([human.get(key, math.nan) for key in keys])
    labelled = len(set(cluster[has].tolist()))
    some_y = _influence(y, has, cluster, len(codes))
    every = np.ones(len(f), dtype=bool)
    gap = _influence(f, every, cluster, len(codes)) - _influence(f, has, cluster, len(codes))
    lam = tuning if tuning is not None else _lambda(some_y, gap)
    value = float(lam * f.mean() + (y[has] - lam * f[has]).mean())
    lowest, highest = scale or (-math.inf, math.inf)
    shown = min(max(value, lowest), highest)
    if labelled < 2:
        return Estimate(shown, (math.nan, math.nan), int(has.sum()), labelled)
    half = _half_width(some_y + lam * gap, labelled)
    below, above = _reach(half, y[has], f[has], lam, labelled, scale)
    low, high = (min(max(end, lowest), highest) for end in (value - below, value + above))
    return Estimate(shown, (low, high), int(has.sum()), labelled)


def _refuse(judged: Mapping[str, float], human: Mapping[str, float]) -> None:
    """Raises RequestError for verdicts that nothing can be calibrated by."""
    unknown = [key for key in human if key not in judged]
    if unknown:
        raise RequestError(
            f"{len(unknown)} human verdicts are about responses without a judge's score, "
            f"e.g. {unknown[0]!r}: calibrate with verdicts about this run"
        )
    if not human:
        raise RequestError("there are no human verdicts to calibrate by")


def _half_width(influence: NDArray[np.float64], labelled: int) -> float:
    """Half of the 95% interval, from what each video contributes to the error; two labelled videos
    at least."""
    from scipy import stats

    # small-sample factor of the part that has few videos, which dominates
    error = math.sqrt(float((influence**2).sum()) * labelled / (labelled - 1))
    return float(stats.t.ppf((1 + LEVEL) / 2, labelled - 1)) * error


def _reach(
    half: float,
    human: NDArray[np.float64],
    judged: NDArray[np.float64],
    lam: float,
    videos: int,
    scale: tuple[float, float] | None,
) -> tuple[float, float]:
    """How far the value may lie below and above: ``half``, and what ``videos`` labelled ones leave
    open about the others, whose y - λ · f lies between the scale's ends. Where they do not vary and
    there is no scale, that is not known (NaN)."""
    rest = human - lam * judged
    alike = np.ptp(rest) == 0 or np.ptp(human - judged) == 0
    if scale is None:
        return (math.nan, math.nan) if alike else (half, half)
    share = 1 - ((1 - LEVEL) / 2 if alike else NEARLY) ** (1 / videos)
    mean, (lowest, highest) = float(rest.mean()), scale
    down = share * (mean - lowest + lam * highest)
    up = share * (highest - lam * lowest - mean)
    if alike:
        return math.hypot(half, down), math.hypot(half, up)
    return max(half, down), max(half, up)


def _influence(
    values: NDArray[np.float64], kept: NDArray[np.bool_], cluster: NDArray[np.intp], count: int
) -> NDArray[np.float64]:
    """What each video contributes to the error of the kept values' mean, [count]."""
    centred = (values[kept] - values[kept].mean()) / kept.sum()
    return np.bincount(cluster[kept], weights=centred, minlength=count).astype(np.float64)


def _lambda(some_y: NDArray[np.float64], gap: NDArray[np.float64]) -> float:
    """The λ in 0..1 that minimises the variance of mean_n(y) + λ · (mean_N(f) - mean_n(f))."""
    spread = float((gap**2).sum())
    return 0.0 if spread == 0 else float(np.clip(-(some_y * gap).sum() / spread, 0.0, 1.0))
