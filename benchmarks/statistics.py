"""Are the numbers' errors what they claim? ``python -m benchmarks.statistics [--rounds 2000]``.

Tables, each row from at least 2,000 simulated benchmarks, all from fixed seeds:

- coverage of the 95% intervals, for 0/1, graded and macro scores of 5 to 900 videos with three
  correlated questions each (a video's difficulty is beta-distributed), and how many of them have a
  width of 0, which would claim certainty;
- the value of the best of several settings that are equally good, as it is and corrected;
- the gate: how often it fails a run that is no worse and passes one that is, and how many clips it
  asks, sequentially, at fixed size, and by "50 samples, the worst of 5 must reach the threshold";
- other intervals beside ours (``benchmarks.intervals``), and error rates where the usual cases say
  least: few clips, lopsided or degenerate differences, few people beside a judge
  (``benchmarks.error_rates``).
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from tabulate import tabulate

from benchmarks import error_rates, intervals
from benchmarks.gate_rates import gate
from benchmarks.simulated import PER_VIDEO, clusters, difficulties, percent
from harness import stats
from harness.stats import selection
from harness.types import Estimate

Draw = Callable[[np.random.Generator, int], tuple[Estimate, float]]


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.statistics", description=__doc__)
    parser.add_argument("--rounds", type=int, default=2000, help="simulations a row")
    parser.add_argument("--only", nargs="+", choices=TABLES, default=list(TABLES))
    words = parser.parse_args(argv)
    for name, rows in TABLES.items():
        if name in words.only:
            print(f"## {name}, {words.rounds:,} simulations a row\n")
            made = list(rows(words.rounds))
            print(tabulate(made, "keys", "pipe", disable_numparse=True) + "\n", flush=True)
    return 0


def binary(mean: float) -> Draw:
    """Right or wrong."""

    def draw(rng: np.random.Generator, videos: int) -> tuple[Estimate, float]:
        hard = difficulties(rng, videos, mean)
        scores = (rng.random((videos, PER_VIDEO)) < hard[:, None]).astype(float)
        return stats.accuracy(scores.ravel().tolist(), clusters(videos)), mean

    return draw


def graded(mean: float) -> Draw:
    """0 to 5, as a judge gives."""

    def draw(rng: np.random.Generator, videos: int) -> tuple[Estimate, float]:
        hard = difficulties(rng, videos, mean, 4.0)
        scores = rng.binomial(5, hard[:, None], size=(videos, PER_VIDEO)).astype(float)
        return stats.accuracy(scores.ravel().tolist(), clusters(videos), high=5.0), 5 * mean

    return draw


def macro(rng: np.random.Generator, videos: int) -> tuple[Estimate, float]:
    """Three kinds of questions, of unequal difficulty, one of each in every video."""
    means = np.array([0.3, 0.5, 0.8])
    shift = rng.uniform(-0.2, 0.2, size=videos)
    chances = means[None, :] + shift[:, None]
    scores = (rng.random((videos, PER_VIDEO)) < chances).astype(float)
    kinds = list(range(PER_VIDEO)) * videos
    return stats.macro(scores.ravel().tolist(), clusters(videos), kinds), float(means.mean())


def unequal(rng: np.random.Generator, videos: int) -> tuple[Estimate, float]:
    """Three kinds again, but each video has one: a fifth, three tenths and half of the videos."""
    means = np.array([0.3, 0.5, 0.8])
    edges = np.maximum([round(0.2 * videos), round(0.5 * videos)], [1, 2])
    kinds = np.digitize(np.arange(videos), edges)
    hard = np.concatenate([difficulties(rng, 1, means[kind], 6.0) for kind in kinds])
    scores = (rng.random((videos, PER_VIDEO)) < hard[:, None]).astype(float)
    groups = np.repeat(kinds, PER_VIDEO).tolist()
    return stats.macro(scores.ravel().tolist(), clusters(videos), groups), float(means.mean())


def coverage(rounds: int) -> Iterator[dict[str, object]]:
    """How often the interval holds the truth, how wide it is, and how often it is unknown."""
    kinds: dict[str, Draw] = {
        "0/1, mean 0.5": binary(0.5),
        "0/1, mean 0.9": binary(0.9),
        "0 to 5, mean 2": graded(0.4),
        "0 to 5, mean 4.5": graded(0.9),
        "macro, kinds within videos": macro,
        "macro, kinds across videos": unequal,
    }
    for name, draw in kinds.items():
        for videos in (5, 20, 100, 900):
            if draw is unequal and videos == 5:  # a kind in one video only: unknown, always
                continue
            rng = np.random.default_rng([videos, len(name)])
            found = [draw(rng, videos) for _ in range(rounds)]
            known = [(e, truth) for e, truth in found if not math.isnan(e.ci95[0])]
            held = sum(e.ci95[0] <= truth <= e.ci95[1] for e, truth in known)
            yield {
                "scores": name,
                "videos": videos,
                "coverage": percent(held, len(known)),
                "mean width": f"{np.mean([e.ci95[1] - e.ci95[0] for e, _ in known]):.3f}",
                "of width 0": sum(e.ci95[0] == e.ci95[1] for e, _ in known),
                "unknown": len(found) - len(known),
            }


def chosen(rounds: int) -> Iterator[dict[str, object]]:
    """Settings that are equally good, and some of which one is better: what is reported for the
    best, and what is true of the setting that is chosen."""
    cases = [(k, v, 0.0) for k in (2, 4, 8) for v in (20, 100, 900)]
    for settings, videos, lead in [*cases, (4, 100, 0.05), (4, 900, 0.05)]:
        rng = np.random.default_rng([settings, videos])
        naive, fair, true, ends = [], [], [], []
        for _ in range(rounds):
            hard = difficulties(rng, videos, 0.5)
            means = np.full(settings, 0.0)
            means[-1] = lead
            chances = np.clip(hard[:, None, None] + means, 0, 1)
            scores = (rng.random((videos, PER_VIDEO, settings)) < chances).astype(float)
            sums, sizes = scores.sum(1)[:, None, :], np.full((videos, 1), float(PER_VIDEO))
            found = selection.corrected(sums, sizes, np.ones(1), rounds=50)
            worth = _worth(means)
            best = int(np.argmax(scores.mean((0, 1))))
            naive.append(scores[:, :, best].mean())
            fair.append(found.value)
            true.append(worth[best])
            ends.append(found.ci95)
        yield {
            "settings": settings,
            "videos": videos,
            "one leads by": f"{100 * lead:g}",
            "true value of the chosen": f"{100 * np.mean(true):.2f}",
            "as reported": f"{100 * np.mean(naive):.2f}",
            "corrected": f"{100 * np.mean(fair):.2f} ± {196 * np.std(fair) / rounds**0.5:.2f}",
            "its interval covers": percent(
                sum(low <= value <= high for (low, high), value in zip(ends, true, strict=True)),
                rounds,
            ),
            "and its own mean": percent(
                sum(low <= np.mean(fair) <= high for low, high in ends), rounds
            ),
        }


def _worth(means: np.ndarray) -> list[float]:
    """The expected score of each setting when difficulty is beta(1, 1), clipped to 0..1."""
    grid = (np.arange(20_000) + 0.5) / 20_000
    return [float(np.clip(grid + mean, 0, 1).mean()) for mean in means]


TABLES: dict[str, Callable[[int], Iterator[dict[str, object]]]] = {
    "coverage": coverage,
    "intervals": intervals.intervals,
    "selection": chosen,
    "gate": gate,
    "sequential": error_rates.sequential,
    "paired": error_rates.paired,
    "people": error_rates.people,
}


if __name__ == "__main__":
    raise SystemExit(main())
