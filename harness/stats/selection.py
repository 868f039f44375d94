"""What the best of several settings is worth, when it was chosen on the data it is reported on.

Who tries several settings and reports the best reports a maximum, which is too high: the winner is
partly the luckiest. Here the setting is chosen on a random half of the videos and its value taken
on the other half, often, in both directions: no video's scores help to choose the setting that
they are reported under (sample splitting: Cox 1975, doi:10.1093/biomet/62.2.441). The estimate is
that of a setting chosen on half the videos, so it is a little low where more would choose better.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from harness.stats.clustered import Cells, Floats, interval
from harness.types import Estimate

ROUNDS = 200
"""Random halves that are drawn; each chooses in both directions."""


def corrected(
    sums: NDArray[np.float64],
    sizes: Floats,
    weights: Floats,
    *,
    low: float | None = 0.0,
    high: float | None = 1.0,
    higher_is_better: bool = True,
    seed: int = 0,
    rounds: int = ROUNDS,
) -> Estimate:
    """The value of choosing the best of K settings, without the gain of having looked.

    ``sums`` [videos, groups, K] are each video's summed scores, ``sizes`` [videos, groups] how many
    scores they are, ``weights`` [groups] what each group counts (summing to 1). ``n`` of the
    estimate is the number of scores. NaN for fewer than two videos.
    """
    videos = len(sums)
    n = int(sizes.sum())
    if videos < 2:
        return Estimate(math.nan, (math.nan, math.nan), n, videos)
    rng = np.random.default_rng(seed)
    shares = _shares(sums, sizes, weights, rng, rounds, higher_is_better)
    fair = np.einsum("vlk,vk->vl", sums, shares)
    means = fair[sizes > 0] / sizes[sizes > 0]
    found = Cells(sizes, fair, weights, bool(np.ptp(means) == 0.0))
    return Estimate(found.value, interval(found, low, high), n, videos)


def table(
    scores: Sequence[Sequence[float]],
    clusters: Sequence[Hashable],
    groups: Sequence[Hashable],
) -> tuple[NDArray[np.float64], Floats]:
    """``sums`` and ``sizes`` for ``corrected``, from ``scores`` [K settings, n] and each score's
    cluster and group [n], both numbered in order of first appearance."""
    numbers: list[dict[Hashable, int]] = [{}, {}]
    place = [
        [known.setdefault(label, len(known)) for label in labels]
        for known, labels in zip(numbers, (clusters, groups), strict=True)
    ]
    shape = (len(numbers[0]), len(numbers[1]))
    sums = np.zeros((*shape, len(scores)))
    sizes = np.zeros(shape)
    np.add.at(sizes, tuple(place), 1.0)
    np.add.at(sums, tuple(place), np.asarray(scores, dtype=np.float64).T)
    return sums, sizes


def _shares(
    sums: NDArray[np.float64],
    sizes: Floats,
    weights: Floats,
    rng: np.random.Generator,
    rounds: int,
    higher_is_better: bool,
) -> Floats:
    """How often each setting was chosen by the half that a video was not in [videos, K]."""
    videos, settings = len(sums), sums.shape[2]
    chosen = np.zeros((videos, settings))
    held = np.zeros(videos)
    for _ in range(rounds):
        half = np.zeros(videos, dtype=bool)
        half[rng.permutation(videos)[: videos // 2]] = True
        for choosing in (half, ~half):
            best = _best(sums[choosing], sizes[choosing], weights, higher_is_better)
            chosen[~choosing, best] += 1
            held[~choosing] += 1
    return np.asarray(chosen / held[:, None])


def _best(sums: NDArray[np.float64], sizes: Floats, weights: Floats, higher_is_better: bool) -> int:
    """The setting that is best on these videos, the first of several; groups that none of them is
    in are left out."""
    totals = sizes.sum(0)
    seen = totals > 0
    means = sums.sum(0)[seen] / totals[seen, None]
    values = weights[seen] @ means / weights[seen].sum()
    return int(np.argmax(values if higher_is_better else -values))
