"""Asking until enough is known: an interval that is right at every moment, not at one fixed size.

Clips are asked in a random order that was fixed beforehand, without replacement, so the paired
difference over all of them is the mean of a finite population whose values are bounded. A test by
betting is made at each hypothetical mean m: a gambler's wealth, who bets that the next clip lies
above (or below) what would be left if the mean were m, is a nonnegative supermartingale when it
is. By Ville's inequality it exceeds 1/alpha with probability alpha at most, whenever one looks. What
m it has not exceeded it for is a confidence sequence, valid at all times at once.

Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS-B 86(1),
2024 (arXiv:2010.09686), section 5 for sampling without replacement. Bets here are a mixture of
constant fractions of the largest bet that cannot ruin: nothing is tuned to data.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

Verdict = Literal["worse", "as good", "undecided"]

_FRACTIONS = np.array([0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9])
"""Of the largest bet: small ones win slowly on small differences, large ones fast on large."""


def order(clips: Iterable[str], seed: int = 0) -> list[str]:
    """Clips in the random order in which a sequential run asks them: the same for the same
    clips and seed, whatever order they are given in."""
    shuffled = sorted(clips)
    random.Random(seed).shuffle(shuffled)
    return shuffled


class Wealth:
    """A gambler's wealth against one hypothesis about the mean of ``count`` values in ``low`` …
    ``high``, drawn without replacement: that it is at most ``mean`` (``above``), or at least."""

    def __init__(self, mean: float, count: int, low: float, high: float, *, above: bool) -> None:
        self.mean, self.count, self.low, self.high, self.above = mean, count, low, high, above
        self._logs = np.zeros(len(_FRACTIONS))
        self._seen, self._sum = 0, 0.0
        self._ruled_out = False

    def bet(self, value: float) -> None:
        """Takes in the next value."""
        left = self.count - self._seen
        rest = (self.count * self.mean - self._sum) / left  # of what is left, had it this mean
        self._seen += 1
        self._sum += value
        sign = 1.0 if self.above else -1.0
        worst = sign * ((self.low if self.above else self.high) - rest)
        if worst >= 0.0:  # even the worst value that is left contradicts the hypothesis
            self._ruled_out = self._ruled_out or worst > 1e-12 * (self.high - self.low)
            return
        best = sign * ((self.high if self.above else self.low) - rest)
        if best <= 0.0:  # nothing can be won any more: the hypothesis is sure to hold
            return
        self._logs += np.log1p(_FRACTIONS * sign * (value - rest) / -worst)

    @property
    def log(self) -> float:
        """Its logarithm; infinite when the hypothesis cannot hold any more."""
        if self._ruled_out:
            return math.inf
        top = float(self._logs.max())
        return top + math.log(float(np.mean(np.exp(self._logs - top))))


@dataclass
class Sequential:
    """Whether a run is worse than its baseline, or as good, decided clip by clip.

    ``sizes`` are the questions of every clip there is (clip → questions). ``margin`` ≥ 0 is the
    drop that is tolerated, in the metric's scale, whose width is ``reach``. "worse" when the
    difference is sure to be below 0, "as good" when it is sure to be above -``margin``, each wrong
    with probability ``alpha`` at most, however often one looks. With ``margin`` 0 only "worse"
    can be decided before the end.
    """

    sizes: Mapping[str, int]
    margin: float
    alpha: float = 0.05
    reach: float = 1.0
    asked: list[str] = field(default_factory=list)
    verdict: Verdict = "undecided"

    def __post_init__(self) -> None:
        # every clip counts by its questions: its summed difference over the mean clip's size
        self._mean = sum(self.sizes.values()) / len(self.sizes)
        bound = self.reach * max(self.sizes.values()) / self._mean
        count = len(self.sizes)
        self._worse = Wealth(0.0, count, -bound, bound, above=False)
        self._good = Wealth(-self.margin, count, -bound, bound, above=True)

    def add(self, clip: str, difference: float) -> Verdict:
        """Takes in a clip: its scores minus the baseline's, summed over its questions."""
        self.asked.append(clip)
        step = difference / self._mean
        threshold = math.log(1 / self.alpha)
        for wealth, verdict in ((self._worse, "worse"), (self._good, "as good")):
            wealth.bet(step)
            possible = verdict == "worse" or self.margin > 0
            if self.verdict == "undecided" and possible and wealth.log >= threshold:
                self.verdict = "worse" if verdict == "worse" else "as good"
        return self.verdict


def interval(
    differences: Sequence[float], count: int, *, alpha: float = 0.05, reach: float = 1.0
) -> tuple[float, float]:
    """The confidence sequence's interval for the mean of ``count`` differences in ±``reach`` after
    these ones: two-sided at ``alpha``, valid at whatever moment one stopped."""
    grid = np.linspace(-reach, reach, 401)
    threshold = math.log(2 / alpha)

    def holds(mean: float, above: bool) -> bool:
        wealth = Wealth(mean, count, -reach, reach, above=above)
        for value in differences:
            wealth.bet(value)
        return wealth.log < threshold

    low = next((m for m in grid if holds(float(m), True)), reach)
    high = next((m for m in grid[::-1] if holds(float(m), False)), -reach)
    return float(low), float(high)
