"""Asking until enough is known: an interval that is right at every moment, not at one fixed size.

Clips are asked in a random order that was fixed beforehand, so their paired differences are an
exchangeable sample of clips, each bounded by its number of questions. A test by betting is made for
a hypothetical mean difference m: the wealth of a gambler who bets that the next clip lies above (or
below) m is a nonnegative supermartingale when the mean is at most (at least) m. By Ville's
inequality it ever exceeds 1/alpha with probability alpha at most, however often one looks. The m
for which it has not are a confidence sequence: an interval that is valid at all times at once.

Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS-B 86(1),
2024 (arXiv:2010.09686). Bets here are a mixture of constant fractions of the largest bet that
cannot ruin: nothing is tuned to data. Clips are taken as drawn from all clips there might be, as
everywhere in ``harness.stats``: answers that change by rounding alone are not "worse", which they
would be if this benchmark's clips, once all are asked, were all there is.
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
    """A gambler's wealth against one hypothesis about the mean difference per question: that it is
    at most ``mean`` (``above``), or at least. A question's difference lies within ±``reach``, a
    clip has at most ``largest`` questions."""

    def __init__(self, mean: float, *, above: bool, reach: float = 1.0, largest: float = 1) -> None:
        self.mean, self._sign = mean, 1.0 if above else -1.0
        self._ruin = (reach + self._sign * mean) * largest  # what the worst clip there may be costs
        self._logs = np.zeros(len(_FRACTIONS))

    def bet(self, difference: float, questions: float = 1) -> None:
        """Takes in the next clip: its summed difference over so many questions."""
        gain = self._sign * (difference - self.mean * questions)
        if self._ruin > 0:
            self._logs += np.log1p(_FRACTIONS * gain / self._ruin)
        elif gain > 0:  # nothing can lie beyond the end of the scale, and this lies before it
            self._logs[:] = math.inf

    @property
    def log(self) -> float:
        """Its natural logarithm."""
        top = float(self._logs.max())
        if math.isinf(top):
            return top
        return top + math.log(float(np.mean(np.exp(self._logs - top))))


@dataclass
class Sequential:
    """Whether a run is worse than its baseline, or as good, decided clip by clip.

    ``sizes`` are the questions of every clip there is. ``margin`` ≥ 0 is the drop that is
    tolerated, ``reach`` how far two scores can lie apart, both in the metric's scale. "worse" when
    the difference is sure to be below 0, "as good" when it is sure to be above -``margin``; each is
    wrong with probability ``alpha`` at most, however often one looks. With ``margin`` 0 only
    "worse" can be decided before the end.
    """

    sizes: Mapping[str, float]
    margin: float
    alpha: float = 0.05
    reach: float = 1.0
    asked: list[str] = field(default_factory=list)
    verdict: Verdict = "undecided"

    def __post_init__(self) -> None:
        largest = max(self.sizes.values(), default=1)
        self._worse = Wealth(0.0, above=False, reach=self.reach, largest=largest)
        self._good = Wealth(-self.margin, above=True, reach=self.reach, largest=largest)

    def add(self, clip: str, difference: float, questions: float) -> Verdict:
        """Takes in a clip: its scores minus the baseline's, summed over so many questions."""
        self.asked.append(clip)
        self._worse.bet(difference, questions)
        self._good.bet(difference, questions)
        if self.verdict == "undecided":
            threshold = math.log(1 / self.alpha)
            if self._worse.log >= threshold:
                self.verdict = "worse"
            elif self.margin > 0 and self._good.log >= threshold:
                self.verdict = "as good"
        return self.verdict


def interval(
    differences: Sequence[float],
    questions: Sequence[float],
    *,
    alpha: float = 0.05,
    reach: float = 1.0,
) -> tuple[float, float]:
    """The confidence sequence's interval for the mean difference per question after these clips
    (each one's summed ``differences`` over so many ``questions``): two-sided, valid at whatever
    moment one stopped. To within 0.5% of ``reach``."""
    grid = np.linspace(-reach, reach, 401)
    threshold, largest = math.log(2 / alpha), max(questions, default=1)

    def holds(mean: float, above: bool) -> bool:
        wealth = Wealth(mean, above=above, reach=reach, largest=largest)
        for difference, count in zip(differences, questions, strict=True):
            wealth.bet(difference, count)
        return wealth.log < threshold

    low = next((m for m in grid if holds(float(m), True)), reach)
    high = next((m for m in grid[::-1] if holds(float(m), False)), -reach)
    return float(low), float(high)
