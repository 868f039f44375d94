"""Error rates where the usual cases say least: few clips, lopsided or degenerate differences.

Tables of ``python -m benchmarks.statistics --only sequential paired people``: a sequential test
that decides wrongly, a paired test that rejects what is true, a judged mean corrected by people's
verdicts whose interval does not hold the truth. Nominal: 5%, 5%, and 95% held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.simulated import percent
from harness import stats
from harness.scoring.calibration import calibrated
from harness.stats.sequential import Sequential

MARGIN = 0.05
ALPHA = 0.05

Steps = list[np.ndarray]
"""Of each clip the differences of its questions, within -1..1."""


def rare_losses(rng: np.random.Generator, clips: int, mean: float) -> Steps:
    """One clip in twenty is lost as a whole; elsewhere questions are won, up to the mean."""
    lost = rng.random(clips) < 0.05
    share = (0.05 + mean) / 0.95
    return [np.full(3, -1.0) if each else 1.0 * (rng.random(3) < share) for each in lost]


def rare_gains(rng: np.random.Generator, clips: int, mean: float) -> Steps:
    """The other way round."""
    return [-steps for steps in rare_losses(rng, clips, -mean)]


def large_clips_lose(rng: np.random.Generator, clips: int, mean: float) -> Steps:
    """1 to 10 questions a clip: those of 6 and more lose one in ten, smaller ones win as many."""
    sizes = rng.integers(1, 11, size=clips)
    return [
        mean - 1.0 * (rng.random(size) < 0.1)
        if size > 5
        else mean + 1.0 * (rng.random(size) < 0.1 * 40 / 15)
        for size in sizes
    ]


def whole_clips(rng: np.random.Generator, clips: int, mean: float) -> Steps:
    """All ten questions of a clip move together, by one point either way or not at all."""
    chances = [0.1 - mean / 2, 0.8, 0.1 + mean / 2]
    return [np.full(10, step) for step in rng.choice([-1.0, 0.0, 1.0], size=clips, p=chances)]


def alike(rng: np.random.Generator, clips: int, mean: float) -> Steps:
    """Every question moves by the mean: there is no spread at all."""
    return [np.full(3, mean) for _ in range(clips)]


DRAWS: dict[str, Callable[[np.random.Generator, int, float], Steps]] = {
    "rare clips lost": rare_losses,
    "rare clips won": rare_gains,
    "large clips lose, small win": large_clips_lose,
    "whole clips of 10 move": whole_clips,
    "all alike": alike,
}


def sequential(rounds: int) -> Iterator[dict[str, object]]:
    """How often a run that is no worse is called worse, and one that is worse by just the margin as
    good, at whatever moment."""
    for name, draw in DRAWS.items():
        for clips in (10, 50):
            row: dict[str, object] = {"differences": name, "clips": clips}
            for mean, wrong in ((0.0, "worse"), (-MARGIN, "as good")):
                rng = np.random.default_rng([clips, len(name)])
                found = [_verdict(draw(rng, clips, mean)) for _ in range(rounds)]
                row[f"mean {100 * mean:g}: called {wrong}"] = percent(found.count(wrong), rounds)
            yield row


def _verdict(steps: Steps) -> str:
    test = Sequential({str(i): len(each) for i, each in enumerate(steps)}, MARGIN, ALPHA)
    for i, each in enumerate(steps):
        if test.add(str(i), float(each.sum()), len(each)) != "undecided":
            break
    return test.verdict


def paired(rounds: int) -> Iterator[dict[str, object]]:
    """How often the paired test finds a difference where there is none, and how often the interval
    of the difference holds 0."""
    for name, draw in DRAWS.items():
        for clips in (5, 20, 100):
            rng = np.random.default_rng([clips, len(name)])
            rejected = held = 0
            for _ in range(rounds):
                steps = draw(rng, clips, 0.0)
                after = {
                    (i, j): float(x) for i, each in enumerate(steps) for j, x in enumerate(each)
                }
                found = stats.paired(
                    dict.fromkeys(after, 0.0), after, {key: key[0] for key in after}
                )
                low, high = found.difference.ci95
                rejected += found.p < ALPHA
                held += low <= 0 <= high
            yield {
                "differences": name,
                "clips": clips,
                "p below 0.05": percent(rejected, rounds),
                "interval holds 0": percent(held, rounds),
            }


@dataclass(frozen=True)
class Judge:
    """How often a judge passes a right response, and a wrong one."""

    name: str
    right: float
    wrong: float


JUDGES = (
    Judge("good", 0.98, 0.03),
    Judge("generous", 1.0, 0.15),
    Judge("passes all", 1.0, 1.0),
    Judge("useless", 0.5, 0.5),
)


def people(rounds: int) -> Iterator[dict[str, object]]:
    """A judge's mean over 300 videos of one response, corrected by people about some of them."""
    for judge in JUDGES:
        for mean in (0.5, 0.9):
            for labelled in (5, 20, 100):
                rng = np.random.default_rng([labelled, int(100 * mean)])
                held, widths = 0, []
                for _ in range(rounds):
                    low, high = _corrected(rng, judge, mean, labelled)
                    held += low <= mean <= high
                    widths.append(high - low)
                yield {
                    "judge": judge.name,
                    "mean": mean,
                    "labelled": labelled,
                    "coverage": percent(held, rounds),
                    "mean width": f"{np.mean(widths):.3f}",
                    "of width 0": sum(width == 0 for width in widths),
                }


def _corrected(
    rng: np.random.Generator, judge: Judge, mean: float, labelled: int, videos: int = 300
) -> tuple[float, float]:
    truth = rng.random(videos) < mean
    passed = rng.random(videos) < np.where(truth, judge.right, judge.wrong)
    names = [str(i) for i in range(videos)]
    judged = dict(zip(names, passed.astype(float).tolist(), strict=True))
    seen = rng.choice(videos, labelled, replace=False)
    human = {str(i): float(truth[i]) for i in seen}
    return calibrated(judged, human, {name: name for name in names}, scale=(0.0, 1.0)).ci95
