"""Settings chosen on the data, and looking before the end: simulated, and by hand."""

import math
from itertools import pairwise

import numpy as np
import pytest

from harness.stats import selection, sequential


def noise(rng, videos=60, settings=6, lead=0.0):
    """0/1 scores of equally good settings [videos, 1, settings], three questions a video."""
    hard = rng.beta(1, 1, size=videos)
    chances = np.clip(hard[:, None, None] + np.append(np.zeros(settings - 1), lead), 0, 1)
    scores = (rng.random((videos, 3, settings)) < chances).astype(float)
    return scores.sum(1)[:, None, :], np.full((videos, 1), 3.0)


def test_the_best_of_equals_is_worth_no_more_than_each():
    rng = np.random.default_rng(1)
    naive, fair, held = [], [], 0
    for _ in range(300):
        sums, sizes = noise(rng)
        found = selection.corrected(sums, sizes, np.ones(1), rounds=30)
        naive.append(sums.sum((0, 1)).max() / sizes.sum())
        fair.append(found.value)
        held += found.ci95[0] <= 0.5 <= found.ci95[1]
    assert np.mean(naive) > 0.53
    assert np.mean(fair) == pytest.approx(0.5, abs=0.006)
    assert held / 300 > 0.9


def test_a_setting_that_is_better_keeps_its_value():
    sums, sizes = noise(np.random.default_rng(2), videos=400, lead=0.4)
    found = selection.corrected(sums, sizes, np.ones(1))
    assert found.value == pytest.approx(sums[:, :, -1].sum() / sizes.sum())
    assert (found.n, found.clusters) == (1200, 400)
    worst = selection.corrected(sums, sizes, np.ones(1), higher_is_better=False)
    assert worst.value < found.value - 0.1


def test_correction_is_seeded_and_needs_two_videos():
    sums, sizes = noise(np.random.default_rng(3))
    again = selection.corrected(sums, sizes, np.ones(1), seed=4)
    assert again == selection.corrected(sums, sizes, np.ones(1), seed=4)
    assert again != selection.corrected(sums, sizes, np.ones(1), seed=5)
    one = selection.corrected(sums[:1], sizes[:1], np.ones(1))
    assert math.isnan(one.value)
    assert math.isnan(one.ci95[0])
    assert (one.n, one.clusters) == (3, 1)


def test_groups_are_weighed_as_in_the_headline():
    """Two settings that are right on one group each; the small group counts most."""
    scores = [[1.0] * 20 + [0.0] * 80, [0.0] * 20 + [1.0] * 80]
    clusters, groups = list(range(100)), ["small"] * 20 + ["large"] * 80
    sums, sizes = selection.table(scores, clusters, groups)
    assert sums.shape == (100, 2, 2)
    assert sizes.sum(0).tolist() == [20, 80]
    assert sums[:, 0, 0].sum() == 20
    assert sums[:, 1, 1].sum() == 80
    small = selection.corrected(sums, sizes, np.array([0.9, 0.1]))
    large = selection.corrected(sums, sizes, np.array([0.1, 0.9]))
    assert small.value == pytest.approx(0.9)
    assert large.value == pytest.approx(0.9)


def decide(differences, margin=0.05, questions=3, **rules):
    """The verdict, and after how many clips."""
    sizes = {str(i): questions for i in range(len(differences))}
    test = sequential.Sequential(sizes, margin, **rules)
    for clip, difference in enumerate(differences):
        if test.add(str(clip), difference, questions) != "undecided":
            break
    return test.verdict, len(test.asked)


def test_a_run_that_is_the_same_is_as_good_soon_and_never_worse():
    verdict, asked = decide([0.0] * 900)
    assert verdict == "as good"
    assert 80 < asked < 120
    assert decide([0.0] * 900, margin=0.2)[1] < 40
    assert decide([0.0] * 900, margin=0.0) == ("undecided", 900)
    assert decide([0.0] * 900, alpha=0.001)[1] > asked


def test_a_run_that_loses_everything_is_worse_at_once():
    verdict, asked = decide([-3.0] * 100)
    assert verdict == "worse"
    assert asked < 8
    assert decide([3.0] * 100)[0] == "as good"


def test_the_wealth_by_hand():
    """One question a clip, against a mean of at most 0: a fraction f of the largest bet gains the
    factor 1 + f for +1 and 1 - f for -1."""
    wealth = sequential.Wealth(0.0, above=True)
    wealth.bet(1.0)
    wealth.bet(-1.0)
    fractions = sequential._FRACTIONS
    assert wealth.log == pytest.approx(math.log(np.mean((1 + fractions) * (1 - fractions))))
    below = sequential.Wealth(-0.1, above=False, largest=3)
    below.bet(-1.0, 3)
    gain = 1 + fractions * (1.0 - 0.3) / (1.1 * 3)
    assert below.log == pytest.approx(math.log(np.mean(gain)))
    end = sequential.Wealth(-1.0, above=True)
    end.bet(-1.0)
    assert end.log == 0.0
    end.bet(0.0)
    assert end.log == math.inf


def test_errors_stay_below_alpha_however_often_one_looks():
    """Clips that flip together; the truth is no drop, then a drop of exactly the margin."""
    rng, rounds, worse, good = np.random.default_rng(7), 200, 0, 0
    for _ in range(rounds):
        flips = rng.choice([-3.0, 0.0, 3.0], p=[0.1, 0.8, 0.1], size=200)
        worse += decide(flips, margin=0.0)[0] == "worse"
        drops = rng.choice([-3.0, 0.0, 3.0], p=[0.125, 0.8, 0.075], size=200)
        good += decide(drops)[0] == "as good"
    assert worse / rounds <= 0.07
    assert good / rounds <= 0.07


def test_the_interval_is_valid_at_any_time_and_tightens():
    rng, outside, widths = np.random.default_rng(8), 0, []
    for _ in range(60):
        steps = rng.choice([-1.0, 0.0, 1.0], p=[0.2, 0.7, 0.1], size=100).tolist()
        seen = [sequential.interval(steps[:k], [1] * k) for k in (10, 40, 100)]
        outside += any(not low <= -0.1 <= high for low, high in seen)
        widths.append([high - low for low, high in seen])
    assert outside <= 6
    assert all(after < before for before, after in pairwise(np.mean(widths, axis=0)))
    assert sequential.interval([], []) == (-1.0, 1.0)
    low, high = sequential.interval([-3.0] * 30, [3] * 30)
    assert low == -1.0
    assert high < -0.6
