"""Means of scores that come in clusters, with an interval that is right for the kind of score.

Questions about one video are answered from the same frames, so they are not independent: every
interval here treats the *video* as what was sampled. The standard error is the cluster-robust
"CR2" estimator of Bell and McCaffrey (2002), with their degrees of freedom, both as described by
Pustejovsky and Tipton (2018, doi:10.1080/07350015.2016.1247004); a macro mean is a weighted sum of
the means of its groups, whose errors may be correlated because a video has questions in several.

From the standard error to an interval:

- scores with two bounds (accuracies, IoU, a judge's 0 to 5): Wilson's interval on the scale
  [low, high], with the sample size at which independent 0/1 scores would have this standard error,
  and a t quantile instead of the normal one (Dean and Pagano 2015, doi:10.1093/jssam/smv024). It
  lies within the scale and is asymmetric near its ends;
- where all videos come to the same mean the robust error is 0, which would claim certainty. What
  is left are the videos that were not seen: K videos leave, at 97.5% confidence, a share of up to
  q = 1 - 0.025^(1/K) of videos unlike any of them, which may all be worst or all best. This is the
  exact binomial interval where every score is worst, or best, and as good for graded ones. Scores
  that are nearly equal are nearly as deceptive: no interval is narrower than the same with
  1 - 0.25^(1/K), at which 5 videos cover as simulated in benchmarks/statistics.py;
- scores without two bounds: value ± t · standard error, cut at the bound they have. Constant scores
  say nothing about how far an unseen one may lie, so their interval is unknown (NaN).

A single video, or a group whose scores all come from one video, leaves the interval unknown.
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

NEARLY = 0.25
"""The doubt at which unseen videos bound the interval of scores that are not all equal."""

SMALLEST = 1e-9
"""A standard error below this share of the scale is rounding: all videos came to the same mean."""

Floats = NDArray[np.float64]
_UNKNOWN = (math.nan, math.nan)


def accuracy(
    scores: Sequence[float],
    clusters: Sequence[Hashable],
    *,
    low: float | None = 0.0,
    high: float | None = 1.0,
) -> Estimate:
    """The mean of ``scores`` [n], each within [``low``, ``high``] (None: no such bound), with its
    95% interval clustered by ``clusters`` [n]."""
    return macro(scores, clusters, [0] * len(scores), low=low, high=high)


def macro(
    scores: Sequence[float],
    clusters: Sequence[Hashable],
    groups: Sequence[Hashable],
    weights: Mapping[Hashable, float] | None = None,
    *,
    low: float | None = 0.0,
    high: float | None = 1.0,
) -> Estimate:
    """The mean of the groups' means, e.g. MLVU's M-Avg over task types.

    ``groups`` [n] names each score's group; a video may have questions in several. ``weights``
    (group → weight, summing to 1) are equal unless given. Raises ValueError for lists that are not
    as long as each other, for a score outside [``low``, ``high``], and for one that is not finite.
    """
    if not len(scores) == len(clusters) == len(groups):
        raise ValueError(
            f"{len(scores)} scores, {len(clusters)} clusters and {len(groups)} groups: "
            "they must be as many"
        )
    if len(scores) == 0:
        return Estimate(math.nan, _UNKNOWN, 0, 0)
    _refuse_outside(scores, low, high)
    found = cells(scores, clusters, groups, weights)
    return Estimate(found.value, interval(found, low, high), len(scores), found.clusters)


@dataclass(frozen=True, eq=False)
class Cells:
    """How many scores each cluster has in each group (``sizes`` [clusters, groups]), their sums,
    each group's weight [groups] (summing to 1), and whether all scores are equal."""

    sizes: Floats
    sums: Floats
    weights: Floats
    constant: bool

    @property
    def clusters(self) -> int:
        return len(self.sizes)

    @property
    def means(self) -> Floats:
        """Each group's mean [groups]."""
        return np.asarray(self.sums.sum(0) / self.sizes.sum(0))

    @property
    def value(self) -> float:
        return float(self.weights @ self.means)

    def error(self) -> tuple[float, float]:
        """The CR2 standard error of the value, and its degrees of freedom; NaN when unknown.

        Each cell's residual sum is inflated by (1 - leverage)^-1/2, where a video's leverage in a
        group is its share of the group's scores; a leverage of 1 leaves nothing to estimate from.
        The degrees of freedom are those of the error's square under independent scores,
        tr(Ω)² / tr(Ω²), where Ω = D - U Uᵀ is the covariance of the videos' contributions: D is
        diagonal and U has a column a group, so nothing of the size clusters² is made.
        """
        totals = self.sizes.sum(0)
        leverage = self.sizes / totals
        if np.any(leverage == 1.0):
            return math.nan, math.nan
        inflation = self.weights / totals / np.sqrt(1.0 - leverage)
        residuals = self.sums - self.sizes * self.means
        square = float(np.sum(np.sum(inflation * residuals, axis=1) ** 2))
        diagonal = np.sum(inflation**2 * self.sizes, axis=1)
        columns = inflation * self.sizes / np.sqrt(totals)
        trace = float(diagonal.sum() - np.sum(columns**2))
        cross = float(np.sum(diagonal[:, None] * columns**2))
        squares = float(np.sum(diagonal**2) - 2 * cross + np.sum((columns.T @ columns) ** 2))
        return math.sqrt(square), max(trace**2 / squares, 1.0)


def cells(
    scores: Sequence[float],
    clusters: Sequence[Hashable],
    groups: Sequence[Hashable],
    weights: Mapping[Hashable, float] | None = None,
) -> Cells:
    """Scores as a table of clusters by groups, both in order of first appearance."""
    cluster, group = codes(clusters), codes(groups)
    shape = (cluster.max() + 1, group.max() + 1)
    values = np.asarray(scores, dtype=np.float64)
    flat = cluster * shape[1] + group
    sizes = np.bincount(flat, minlength=shape[0] * shape[1]).astype(np.float64).reshape(shape)
    sums = np.bincount(flat, weights=values, minlength=shape[0] * shape[1]).reshape(shape)
    names = list(dict.fromkeys(groups))
    given = [weights[name] if weights else 1 / len(names) for name in names]
    return Cells(sizes, sums, np.array(given), float(values.min()) == float(values.max()))


def interval(found: Cells, low: float | None, high: float | None) -> tuple[float, float]:
    """The 95% interval, as the module says; NaN bounds when nothing is known."""
    if found.clusters < 2:
        return _UNKNOWN
    if low is not None and high is not None:
        place = (found.value - low) / (high - low)
        below, above = _bounded(found, min(max(place, 0.0), 1.0), high - low)
        return low + below * (high - low), low + above * (high - low)
    error, freedom = found.error()
    if math.isnan(error) or found.constant or error < SMALLEST * abs(found.value):
        return _UNKNOWN
    reach = t_quantile(freedom) * error
    below, above = found.value - reach, found.value + reach
    return (
        below if low is None else max(below, low),
        above if high is None else min(above, high),
    )


def t_quantile(freedom: float, level: float = LEVEL) -> float:
    """How many standard errors a two-sided interval reaches to each side."""
    from scipy import special  # imported late: report commands must start in under a second

    return float(special.stdtrit(freedom, (1 + level) / 2))


def unseen(found: Cells, doubt: float = (1 - LEVEL) / 2) -> float:
    """The largest weight that videos unlike all that were seen may have, but for this ``doubt``.

    1 - doubt^(1/K), where K is the number of videos for one group. For several it is the smallest
    of K_g / w_g, if that is less than the number of videos: no way to spread unseen videos over the
    groups then gives them more weight.
    """
    enough = np.count_nonzero(found.sizes, axis=0) / found.weights
    count = min(float(found.clusters), float(enough.min()))
    return float(1.0 - doubt ** (1.0 / count))


def codes(labels: Sequence[Hashable]) -> NDArray[np.intp]:
    """Labels as numbers 0, 1, … in order of first appearance [n]."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(x, len(numbers)) for x in labels], dtype=np.intp)


def beyond(value: float, low: float | None, high: float | None) -> float | None:
    """The end of the scale that a score is beyond, but for rounding; None: it is within."""
    slack = SMALLEST * max(abs(low or 0.0), abs(high or 0.0), 1.0)
    if low is not None and value < low - slack:
        return low
    return high if high is not None and value > high + slack else None


def _refuse_outside(scores: Sequence[float], low: float | None, high: float | None) -> None:
    """Raises ValueError for a score that is not on the scale."""
    for score in (min(scores), max(scores)):
        if not math.isfinite(score):
            raise ValueError(f"a score is {score}: no finite number")
        if (end := beyond(score, low, high)) is not None:
            raise ValueError(f"a score of {score:g} is beyond {end:g}, where the scale ends")


def _bounded(found: Cells, place: float, width: float) -> tuple[float, float]:
    """The interval on the scale 0..1, for a value at ``place`` on it."""
    error, freedom = found.error()
    still = found.constant or error < SMALLEST * width
    if math.isnan(error) and not still:
        return _UNKNOWN
    share = unseen(found) if still else unseen(found, NEARLY)
    below, above = place * (1 - share), place + (1 - place) * share
    if still or place in (0.0, 1.0):  # at an end by rounding alone: scores are within the scale
        return below, above
    ratio = (t_quantile(freedom) * error / width) ** 2 / (place * (1 - place))
    middle = (place + ratio / 2) / (1 + ratio)
    reach = math.sqrt(ratio * place * (1 - place) + ratio**2 / 4) / (1 + ratio)
    return min(below, middle - reach), max(above, middle + reach)
