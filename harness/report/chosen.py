"""How many settings of one model were tried on one task, and what the best is worth then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from harness.metrics import Summing, weights
from harness.report.remembered import remembered, units
from harness.report.runs import Run
from harness.run.uncollected import uncollected
from harness.stats import selection
from harness.types import Estimate

MOST_SCORES = 2_000_000
"""Records that a leaderboard reads again for this: more take longer than a reader waits."""


@dataclass(frozen=True)
class Chosen:
    """``best`` is the run with the best headline of ``tried`` settings; ``corrected`` its value
    without the gain of having looked (None: not known, as the runs share no questions)."""

    best: Run
    tried: int
    corrected: Estimate | None


def chosen(members: Sequence[Run]) -> dict[str, Chosen]:
    """By model, where several settings of it stand in one ranking (best first)."""
    models: dict[str, list[Run]] = {}
    for run in members:
        if run.complete:
            models.setdefault(run.model, []).append(run)
    return {
        model: Chosen(runs[0], len(runs), remembered("corrected", runs, partial(corrected, runs)))
        for model, runs in models.items()
        if len(runs) > 1
    }


@uncollected()
def corrected(runs: Sequence[Run]) -> Estimate | None:
    """What choosing the best of these runs is worth, over the questions that count in all."""
    headline = runs[0].metrics[0]
    if not isinstance(headline, Summing) or sum(run.summary.n for run in runs) > MOST_SCORES:
        return None
    known = [found for run in runs if (found := units(run)) is not None]
    common = [key for key in known[0] if all(key in other for other in known[1:])]
    if not common:
        return None
    cases = [(known[0][key], leaf, key) for key in common for leaf in known[0][key].leaves]
    leaves = [leaf for _, leaf, _ in cases]
    scores = [[other[key].value for _, _, key in cases] for other in known]
    sums, sizes = selection.table(scores, [unit.video for unit, _, _ in cases], leaves)
    shares = weights(leaves)
    return selection.corrected(
        sums,
        sizes,
        np.array([shares[leaf] for leaf in dict.fromkeys(leaves)]),
        low=headline.low,
        high=headline.high,
        higher_is_better=headline.higher_is_better,
    )
