"""Two runs on the same questions: the paired difference, its test, and many tests at once."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from harness.stats.clustered import cells, macro
from harness.types import Estimate


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


def paired(
    first: Mapping[Hashable, float],
    second: Mapping[Hashable, float],
    clusters: Mapping[Hashable, Hashable],
    groups: Mapping[Hashable, Sequence[Hashable]] | None = None,
    weights: Mapping[Hashable, float] | None = None,
    *,
    reach: float | None = 1.0,
) -> Paired:
    """``second`` minus ``first`` over the questions that both hold (question → score).

    ``clusters`` maps a question to its video; ``groups``, if any, to the groups (with their
    ``weights``, equal unless given) whose means the headline averages; ``reach`` is how far two
    scores can lie apart (None: without bound). No common question gives NaN and p = 1.
    """
    from scipy import stats

    common = [question for question in first if question in second]
    cases = [(q, group) for q in common for group in (groups[q] if groups else (0,))]
    steps = [float(second[q] - first[q]) for q, _ in cases]
    videos, parts = [clusters[q] for q, _ in cases], [group for _, group in cases]
    low, high = (None, None) if reach is None else (-reach, reach)
    found = macro(steps, videos, parts, weights, low=low, high=high)
    gained = sum(second[q] > first[q] for q in common)
    lost = sum(second[q] < first[q] for q in common)
    mcnemar = float(stats.binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    difference = Estimate(found.value, found.ci95, len(common), found.clusters)
    return Paired(difference, gained, lost, _p(steps, videos, parts, weights), mcnemar)


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


def _p(
    steps: Sequence[float],
    videos: Sequence[Hashable],
    groups: Sequence[Hashable],
    weights: Mapping[Hashable, float] | None,
) -> float:
    from scipy import stats

    if not any(steps):
        return 1.0
    found = cells(steps, videos, groups, weights)
    if found.clusters < 2:
        return 1.0
    if found.constant:  # every video moved by the same amount: the sign test over videos is left
        return float(stats.binomtest(found.clusters, found.clusters).pvalue)
    error, freedom = found.error()
    if math.isnan(error):
        return 1.0
    if error < 1e-12:
        return float(stats.binomtest(found.clusters, found.clusters).pvalue)
    return float(2 * stats.t.sf(abs(found.value) / error, freedom))
