"""Other intervals for few videos beside ours: ``python -m benchmarks.statistics --only intervals``.

Each takes a mean and its clustered standard error (videos of three questions) and makes a 95%
interval of them; all from the same simulated benchmarks. An interval each of whose sides errs in
2.5% at most covers 97.5% and more wherever more than 2.5% of benchmarks come out all right: their
upper side is never missed. So no column can show 93 to 97% where the last one is large.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy import special

from harness.stats import clustered

PER_VIDEO = 3

Ends = tuple[np.ndarray, np.ndarray]
Interval = Callable[[np.ndarray, np.ndarray, int], Ends]
"""Of means [n] and standard errors [n] from so many videos, on the scale 0..1."""


def intervals(rounds: int) -> Iterator[dict[str, object]]:
    """Coverage and mean width of each."""
    for name, draw, mean in CASES:
        for videos in (5, 20, 100):
            sums = draw(np.random.default_rng([videos, len(name)]), rounds, videos, mean)
            means = sums.sum(1) / (PER_VIDEO * videos)
            rest = sums - PER_VIDEO * means[:, None]
            errors = np.sqrt((rest**2).sum(1) / (1 - 1 / videos)) / (PER_VIDEO * videos)
            row: dict[str, object] = {"scores": f"{name}, mean {mean:g}", "videos": videos}
            for kind, make in KINDS.items():
                low, high = make(means, errors, videos)
                held = np.mean((low <= mean) & (mean <= high))
                row[kind] = f"{100 * held:.1f}% ({np.mean(high - low):.3f})"
            row["all right"] = f"{100 * np.mean(means == 1):.0f}%"
            yield row


def right_or_wrong(rng: np.random.Generator, rounds: int, videos: int, mean: float) -> np.ndarray:
    """Summed scores [rounds, videos]; a video's difficulty is beta-distributed."""
    hard = rng.beta(2 * mean, 2 * (1 - mean), size=(rounds, videos))
    return rng.binomial(PER_VIDEO, hard).astype(float)


def graded(rng: np.random.Generator, rounds: int, videos: int, mean: float) -> np.ndarray:
    """The same of 0 to 5, as shares of 5."""
    hard = rng.beta(4 * mean, 4 * (1 - mean), size=(rounds, videos))
    return rng.binomial(5 * PER_VIDEO, hard) / 5.0


CASES = (
    ("0/1", right_or_wrong, 0.5),
    ("0/1", right_or_wrong, 0.7),
    ("0/1", right_or_wrong, 0.9),
    ("0/1", right_or_wrong, 0.97),
    ("0 to 5", graded, 0.4),
    ("0 to 5", graded, 0.9),
)


def ours(means: np.ndarray, errors: np.ndarray, videos: int) -> Ends:
    """``harness.stats.accuracy``, of many at once."""
    t = clustered.t_quantile(videos - 1)
    still = errors < clustered.SMALLEST
    spread = np.where(still, 1.0, means * (1 - means))
    ratio = (t * errors) ** 2 / spread
    middle = (means + ratio / 2) / (1 + ratio)
    reach = np.sqrt(ratio * spread + ratio**2 / 4) / (1 + ratio)
    share = _unseen(videos, clustered.NEARLY)
    low = np.minimum(means * (1 - share), middle - reach)
    high = np.maximum(means + (1 - means) * share, middle + reach)
    return _where_still(still, means, videos, low, high)


def korn_graubard(means: np.ndarray, errors: np.ndarray, videos: int) -> Ends:
    """Clopper-Pearson's with the effective sample size, corrected for few degrees of freedom (Korn
    and Graubard 1998)."""
    size = _effective(means, errors, videos)
    right = size * means
    wrong = size - right
    low = special.betaincinv(np.maximum(right, 1e-12), wrong + 1, 0.025)
    high = special.betaincinv(right + 1, np.maximum(wrong, 1e-12), 0.975)
    return np.where(right <= 0, 0.0, low), np.where(wrong <= 1e-9, 1.0, high)


def jeffreys(means: np.ndarray, errors: np.ndarray, videos: int) -> Ends:
    """Equal-tailed from a beta(1/2, 1/2) prior, with the same sample size."""
    size = _effective(means, errors, videos)
    a, b = size * means + 0.5, size * (1 - means) + 0.5
    low, high = special.betaincinv(a, b, 0.025), special.betaincinv(a, b, 0.975)
    return _where_still(errors < clustered.SMALLEST, means, videos, low, high)


def logit(means: np.ndarray, errors: np.ndarray, videos: int) -> Ends:
    """Value and t times the standard error on the logit scale."""
    inside = np.clip(means, 1e-6, 1 - 1e-6)
    reach = clustered.t_quantile(videos - 1) * errors / (inside * (1 - inside))
    low, high = (special.expit(special.logit(inside) + sign * reach) for sign in (-1, 1))
    return _where_still(errors < clustered.SMALLEST, means, videos, low, high)


KINDS: dict[str, Interval] = {
    "ours": ours,
    "Korn-Graubard": korn_graubard,
    "Jeffreys": jeffreys,
    "logit": logit,
}


def _effective(means: np.ndarray, errors: np.ndarray, videos: int) -> np.ndarray:
    still = errors < clustered.SMALLEST
    size = means * (1 - means) / np.where(still, 1.0, errors) ** 2
    few = (special.ndtri(0.975) / clustered.t_quantile(videos - 1)) ** 2
    return np.where(still, float(videos), size * few)


def _unseen(videos: int, doubt: float) -> float:
    return float(1 - doubt ** (1 / videos))


def _where_still(
    still: np.ndarray, means: np.ndarray, videos: int, low: np.ndarray, high: np.ndarray
) -> Ends:
    """Where all videos came to the same mean: what unseen ones allow."""
    share = _unseen(videos, 0.025)
    below, above = means * (1 - share), means + (1 - means) * share
    return np.where(still, below, low), np.where(still, above, high)
