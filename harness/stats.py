"""Estimates that can be defended: means clustered by video, paired differences, what is detectable.

Questions about one video are answered from the same frames, so they are not independent: every
interval here treats the *video* as what was sampled. The variance is the cluster-robust "CR2"
estimator of Bell and McCaffrey (2002), as described by Pustejovsky and Tipton (2018,
doi:10.1080/07350015.2016.1247004), with a t quantile on (clusters - groups) degrees of freedom.
Tests simulate 2,000 benchmarks to check that the 95% intervals cover.

Degenerate cases, the same everywhere: no scores, or scores from a single video, have a half-width
of NaN (nothing is known about how videos differ; NaN becomes null in JSON). When every score is 0,
or every score is 1, the robust variance is 0, which would claim certainty; the exact binomial
interval over *videos* takes its place (60 videos all right: ± 6 points).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.types import Estimate

LEVEL = 0.95
"""The confidence of every interval that the harness prints."""


@dataclass(frozen=True)
class Paired:
    """Two runs on the questions both answered; positive ``difference`` means the second is better.

    ``gained`` and ``lost`` count the questions on which the second scored higher and lower;
    ``p`` is from the clustered t test; ``mcnemar`` is the exact McNemar test, which takes questions
    as independent and is therefore the smaller one where a video's questions flip together.
    """

    difference: Estimate
    gained: int
    lost: int
    p: float
    mcnemar: float


def accuracy(scores: Sequence[float], clusters: Sequence[Hashable]) -> Estimate:
    """The mean of ``scores`` [n], its 95% interval clustered by ``clusters`` [n]."""
    return macro(scores, clusters, [0] * len(scores))


def macro(
    scores: Sequence[float], clusters: Sequence[Hashable], groups: Sequence[Hashable]
) -> Estimate:
    """The unweighted mean of the groups' means, e.g. MLVU's M-Avg over task types.

    ``groups`` [n] names each score's group; a video may have questions in several. A group that
    comes from one video alone leaves the half-width NaN.
    """
    if not len(scores) == len(clusters) == len(groups):
        raise ValueError(
            f"{len(scores)} scores, {len(clusters)} clusters and {len(groups)} groups: "
            "they must be as many"
        )
    if len(scores) == 0:
        return Estimate(math.nan, math.nan, 0, 0)
    sizes, sums = _cells(scores, clusters, groups)
    value = float(np.mean(sums.sum(0) / sizes.sum(0)))
    return Estimate(value, _half_width(scores, sizes, sums), len(scores), len(sizes))


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

    cluster = _codes(clusters)
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


def jackknife(rest: Sequence[float]) -> float:
    """The 95% half-width of any statistic, from its values with each video left out in turn.

    For headlines that are no mean, such as Video-MME-v2's group scores. NaN for fewer than two.
    """
    from scipy import stats

    count = len(rest)
    if count < 2:
        return math.nan
    error = math.sqrt((count - 1) * float(np.var(rest)))
    return float(stats.t.ppf((1 + LEVEL) / 2, count - 1)) * error


def paired(
    first: Mapping[str, float],
    second: Mapping[str, float],
    clusters: Mapping[str, Hashable],
    groups: Mapping[str, Hashable] | None = None,
) -> Paired:
    """``second`` minus ``first`` over the questions that both hold (question id → score).

    ``clusters`` maps a question to its video; ``groups``, if any, to the group whose means the
    headline averages. No common question gives NaN and p = 1.
    """
    from scipy import stats

    common = sorted(first.keys() & second.keys())
    steps = [second[q] - first[q] for q in common]
    videos = [clusters[q] for q in common]
    parts: list[Hashable] = [groups[q] if groups else 0 for q in common]
    gained, lost = sum(s > 0 for s in steps), sum(s < 0 for s in steps)
    flips = gained + lost
    mcnemar = float(stats.binomtest(gained, flips).pvalue) if flips else 1.0
    difference = _difference(steps, videos, parts)
    return Paired(difference, gained, lost, _p(steps, videos, parts), mcnemar)


def holm(ps: Sequence[float]) -> list[float]:
    """``ps`` adjusted for their number, Holm's step-down; NaN stays NaN and counts for nothing.

    By hand because scipy has no familywise correction (``false_discovery_control`` is another).
    """
    order = sorted((p, i) for i, p in enumerate(ps) if not math.isnan(p))
    adjusted, floor = [math.nan] * len(ps), 0.0
    for rank, (p, i) in enumerate(order):
        floor = max(floor, min(1.0, p * (len(order) - rank)))
        adjusted[i] = floor
    return adjusted


def minimum_detectable(estimate: Estimate, *, power: float = 0.8) -> float:
    """The smallest true effect that a 5% two-sided test finds with ``power``.

    Give it a paired difference, for what this pair of runs could have shown, or one run's estimate,
    for its distance from a fixed number such as a paper's.
    """
    from scipy import stats

    if estimate.clusters < 2 or math.isnan(estimate.half_width):
        return math.nan
    df = estimate.clusters - 1
    quantile = float(stats.t.ppf((1 + LEVEL) / 2, df))
    error = estimate.half_width / quantile
    return error * (quantile + float(stats.t.ppf(power, df)))


def expected(
    videos: int, per_video: int, *, value: float = 0.5, correlation: float = 0.0
) -> Estimate:
    """What a run over ``videos`` × ``per_video`` questions will be worth, before running it.

    ``correlation`` is that of two scores of one video; the design effect is
    1 + (per_video - 1) · correlation (Kish 1965).
    """
    from scipy import stats

    n = videos * per_video
    if videos < 2:
        return Estimate(value, math.nan, n, videos)
    variance = value * (1 - value) / n * (1 + (per_video - 1) * correlation)
    quantile = float(stats.t.ppf((1 + LEVEL) / 2, videos - 1))
    return Estimate(value, quantile * math.sqrt(variance), n, videos)


def _codes(labels: Sequence[Hashable]) -> NDArray[np.intp]:
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(x, len(numbers)) for x in labels], dtype=np.intp)


def _cells(
    scores: Sequence[float], clusters: Sequence[Hashable], groups: Sequence[Hashable]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How many scores each cluster has in each group, and their sum: two [clusters, groups]."""
    cluster, group = _codes(clusters), _codes(groups)
    sizes = np.zeros((cluster.max() + 1, group.max() + 1))
    sums = np.zeros_like(sizes)
    np.add.at(sizes, (cluster, group), 1.0)
    np.add.at(sums, (cluster, group), np.asarray(scores, dtype=np.float64))
    return sizes, sums


def _half_width(
    scores: Sequence[float], sizes: NDArray[np.float64], sums: NDArray[np.float64]
) -> float:
    """``sizes`` and ``sums`` are [clusters, groups]."""
    from scipy import stats

    count, groups = sizes.shape
    if count < 2:
        return math.nan
    if min(scores) == max(scores) and scores[0] in (0.0, 1.0):
        low = stats.binomtest(count, count).proportion_ci(LEVEL, "exact").low
        return 1.0 - float(low)
    error = _error(sizes, sums)
    return float(stats.t.ppf((1 + LEVEL) / 2, max(count - groups, 1))) * error


def _error(sizes: NDArray[np.float64], sums: NDArray[np.float64]) -> float:
    """The CR2 standard error of the mean of group means.

    Each cell's residual sum is inflated by (1 - leverage)^-1/2, where a video's leverage in a group
    is its share of the group's questions; a leverage of 1 leaves nothing to estimate from.
    """
    totals = sizes.sum(0)
    leverage = sizes / totals
    if np.any(leverage == 1.0):
        return math.nan
    residuals = sums - sizes * (sums.sum(0) / totals)
    parts = residuals / np.sqrt(1.0 - leverage) / totals / sizes.shape[1]
    return math.sqrt(float(np.sum(parts.sum(1) ** 2)))


def _difference(
    steps: Sequence[float], videos: Sequence[Hashable], groups: Sequence[Hashable]
) -> Estimate:
    """Like ``macro``, but -1 throughout is as degenerate as 0 or 1 throughout."""
    if steps and set(steps) == {-1.0}:
        sure = macro([1.0] * len(steps), videos, groups)
        return Estimate(-1.0, sure.half_width, sure.n, sure.clusters)
    return macro(steps, videos, groups)


def _p(steps: Sequence[float], videos: Sequence[Hashable], groups: Sequence[Hashable]) -> float:
    from scipy import stats

    count = len(set(videos))
    if not any(steps) or count < 2:
        return 1.0
    sizes, sums = _cells(steps, videos, groups)
    error = _error(sizes, sums)
    if error < 1e-12:  # every video moved by the same amount: the sign test over videos is left
        return float(stats.binomtest(count, count).pvalue)
    mean = float(np.mean(sums.sum(0) / sizes.sum(0)))
    df = max(count - sizes.shape[1], 1)
    return 1.0 if math.isnan(error) else float(2 * stats.t.sf(abs(mean) / error, df))
