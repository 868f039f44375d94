"""How often the gate is wrong: ``python -m benchmarks.statistics --only gate``."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.simulated import PER_VIDEO, clusters, difficulties, percent
from harness import stats
from harness.stats import sequential

MARGIN = 0.05
ALPHA = 0.05


def gate(rounds: int) -> Iterator[dict[str, object]]:
    """Runs that lose so many points, by questions that flip both ways; a baseline at 70."""
    for videos in (100, 900):
        for drop in (0.0, 0.02, 0.05, 0.10, 0.20):
            rng = np.random.default_rng([videos, int(1000 * drop)])
            outcomes = [_gated(rng, videos, drop) for _ in range(rounds)]
            row: dict[str, object] = {"clips": videos, "true drop": f"{100 * drop:g}"}
            for i, name in enumerate(("sequential", "fixed size", "worst of 5 × 50")):
                row[f"{name}: fails"] = percent(sum(o[0][i] for o in outcomes), rounds)
            early = [o for o in outcomes if o[2]]
            row["decided early"] = percent(len(early), rounds)
            row["wrong early"] = percent(sum(_wrong(o[2], drop) for o in outcomes), rounds)
            row["clips asked"] = percent(sum(o[1] for o in outcomes), rounds * videos)
            yield row


def _wrong(verdict: str, drop: float) -> bool:
    return (verdict == "worse" and drop <= 0) or (verdict == "as good" and drop >= MARGIN)


def _gated(
    rng: np.random.Generator, videos: int, drop: float
) -> tuple[tuple[bool, bool, bool], int, str]:
    """Whether each gate fails the run, how many clips the sequential one asked, and what it decided
    early ("" nothing)."""
    before, after = _pair(rng, videos, drop)
    steps = (after - before).sum(1)
    test = sequential.Sequential(dict.fromkeys(map(str, range(videos)), PER_VIDEO), MARGIN, ALPHA)
    for clip, step in enumerate(steps):
        if test.add(str(clip), float(step), PER_VIDEO) != "undecided":
            break
    found = stats.macro(
        (after - before).ravel().tolist(), clusters(videos), [0] * after.size, low=-1.0, high=1.0
    )
    p = _p(steps)
    fixed = (found.value < 0 and p < ALPHA) or found.value < -MARGIN
    early = "" if test.verdict == "undecided" else test.verdict
    failed = test.verdict == "worse" or (not early and fixed)
    asked = rng.choice(after.size, size=(5, 50))
    worst = after.ravel()[asked].mean(1).min() < before.mean() - MARGIN
    return (failed, fixed, bool(worst)), len(test.asked), early


def _pair(rng: np.random.Generator, videos: int, drop: float) -> tuple[np.ndarray, np.ndarray]:
    """0/1 scores [videos, 3] of a baseline and a run: 4% of questions flip each way by rounding,
    and ``drop`` of them are lost besides, in clips that are hit or spared as a whole half the
    time."""
    before = (rng.random((videos, PER_VIDEO)) < difficulties(rng, videos, 0.7)[:, None]) * 1.0
    noise = rng.random((videos, PER_VIDEO))
    after = before.copy()
    after[(before == 1) & (noise < 0.04 / 0.7)] = 0.0
    after[(before == 0) & (noise < 0.04 / 0.3)] = 1.0
    hit = rng.random((videos, 1)) < 0.5  # half of the clips lose twice as many
    share = 2 * drop / 0.7 * hit / (1 - 0.04 / 0.7)
    after[(before == 1) & (after == 1) & (rng.random((videos, PER_VIDEO)) < share)] = 0.0
    return before, after


def _p(steps: np.ndarray) -> float:
    from scipy import stats as scipy_stats

    if not np.any(steps):
        return 1.0
    return float(scipy_stats.ttest_1samp(steps, 0).pvalue)
