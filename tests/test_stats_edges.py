"""Where one line changed would go unnoticed elsewhere: ties, single videos, scales, no test."""

import math

import numpy as np
import pytest

from harness import estimates, stats
from harness.metrics import Mean, Unit
from harness.stats import selection
from harness.types import Estimate
from tests.runs import record, right, wrong


def pair(steps, videos):
    """Two runs that differ by these steps."""
    names = [str(i) for i in range(len(steps))]
    after = dict(zip(names, steps, strict=True))
    clusters = dict(zip(names, videos, strict=True))
    return stats.paired(dict.fromkeys(names, 0.0), after, clusters)


def test_holm_counts_no_test_that_is_missing():
    assert stats.holm([0.01, math.nan, 0.04]) == pytest.approx([0.02, math.nan, 0.04], nan_ok=True)
    assert stats.holm([0.02, 0.02, 0.02]) == pytest.approx([0.06] * 3)
    assert stats.holm([0.9]) == [0.9]


def test_videos_that_all_move_as_much_leave_the_sign_test():
    """Half of each video's questions are gained: no spread between videos, though not all alike."""
    found = pair([1.0, 0.0] * 6, [i // 2 for i in range(12)])
    assert found.p == pytest.approx(2 / 2**6)
    assert (found.gained, found.lost) == (6, 0)
    assert pair([0.5] * 4, range(4)).p == pytest.approx(2 / 2**4)


def test_one_video_shows_nothing():
    found = pair([1.0, 1.0, 0.0], [0, 0, 0])
    assert found.p == 1.0
    assert all(map(math.isnan, found.difference.ci95))
    groups = {"0": ("a",), "1": ("b",), "2": ("b",)}  # a group of which one video knows
    names = {"0": 0, "1": 1, "2": 2}
    before, after = dict.fromkeys(names, 0.0), {"0": 1.0, "1": 1.0, "2": 0.0}
    assert stats.paired(before, after, names, groups).p == 1.0


def test_differences_reach_as_far_as_the_scale():
    share = 1 - 0.025 ** (1 / 8)
    names = {str(i): i for i in range(8)}
    same = dict.fromkeys(names, 2.0)
    assert stats.paired(same, same, names, reach=5.0).difference.ci95 == pytest.approx(
        (-5 * share, 5 * share)
    )
    unbounded = stats.paired(same, same, names, reach=None).difference
    assert all(map(math.isnan, unbounded.ci95))


def test_a_scale_need_not_begin_at_0():
    share = 1 - 0.025 ** (1 / 60)
    found = stats.accuracy([2.0] * 60, range(60), low=1.0, high=5.0)
    assert found.ci95 == pytest.approx((2 - share, 2 + 3 * share))
    worst = stats.accuracy([1.0] * 60, range(60), low=1.0, high=5.0)
    assert worst.ci95 == pytest.approx((1.0, 1 + 4 * share))


def test_equal_videos_of_unbounded_scores_are_unknown_too():
    found = stats.accuracy([3.0, 5.0] * 4, [i // 2 for i in range(8)], low=None, high=None)
    assert found.value == 4.0
    assert all(map(math.isnan, found.ci95))


def test_planning_stays_on_the_scale_and_asks_more_for_more_power():
    assert stats.expected(5, 1, value=0.99).ci95[1] == 1.0
    assert stats.expected(5, 1, value=0.01).ci95[0] == 0.0
    plan = stats.expected(50, 2)
    assert stats.minimum_detectable(plan, power=0.95) > 1.1 * stats.minimum_detectable(plan)


def test_a_statistic_of_sums_is_cut_at_its_bounds_and_unknown_where_nothing_moves():
    def share(totals):
        return float(totals[0] / totals[1])

    near = stats.of_sums(share, [[1, 1]] * 9 + [[0, 1]], n=10, low=0.0, high=1.0)
    assert near.value == 0.9
    assert near.ci95[1] == 1.0
    rare = [[0, 1]] * 9 + [[1, 1]]
    uncut = stats.of_sums(share, rare, n=10).ci95
    assert uncut[0] < 0
    assert stats.of_sums(share, rare, n=10, low=0.0).ci95 == (0.0, uncut[1])
    assert math.isnan(stats.of_sums(share, [[1, 2]] * 5, n=10).ci95[0])
    two = stats.of_sums(share, [[1, 2], [1, 3]], n=5)
    reach = 12.706205 * (1 / 2 - 1 / 3) / 2
    assert two.ci95 == pytest.approx((2 / 5 - reach, 2 / 5 + reach))
    nan = pytest.approx(math.nan, nan_ok=True)
    assert stats.of_sums(share, [[1, 2]], n=2) == Estimate(0.5, (nan, nan), 2, 1)
    assert stats.of_sums(share, [], n=0) == Estimate(nan, (nan, nan), 0, 0)


def test_bootstrap_of_one_video_is_unknown():
    assert all(map(math.isnan, stats.bootstrap([1.0, 0.0], ["a", "a"])))
    assert all(map(math.isnan, stats.bootstrap([], [])))


def test_the_bootstrap_is_of_percentiles_by_its_seed():
    scores = [0.0] * 6 + [0.1, 0.2, 0.4, 1.0]
    drawn = np.random.default_rng(3).choice(scores, (40_000, 10)).mean(1)
    found = stats.bootstrap(scores, range(10))
    assert found == pytest.approx(np.percentile(drawn, [2.5, 97.5]), abs=0.02)  # BCa: 0.05 to 0.5
    assert found == stats.bootstrap(scores, range(10), seed=0, resamples=9999)
    few = {stats.bootstrap(scores, range(10), seed=0, resamples=20) for _ in range(5)}
    assert few == {stats.bootstrap(scores, range(10), resamples=20)} != {found}
    assert len({stats.bootstrap(scores, range(10), seed=n, resamples=20) for n in range(5)}) > 1


def test_what_a_run_will_be_worth_by_hand():
    t, half = 2.009575, 0.5
    for plan, design in ((stats.expected(50, 3), 1), (stats.expected(50, 3, correlation=0.5), 2)):
        reach = t * math.sqrt(half * half / 150 * design)
        assert plan == Estimate(half, pytest.approx((half - reach, half + reach)), 150, 50)
    assert stats.expected(2, 1) == Estimate(half, (0.0, 1.0), 2, 2)
    nan = pytest.approx(math.nan, nan_ok=True)
    assert stats.expected(1, 3, value=0.2) == Estimate(0.2, (nan, nan), 3, 1)


def test_settings_that_tie_are_worth_what_each_is():
    scores = [[1.0, 0.0, 1.0, 1.0, 0.0, 1.0]] * 3
    sums, sizes = selection.table(scores, [i // 2 for i in range(6)], [0] * 6)
    found, own = (
        selection.corrected(sums, sizes, np.ones(1)),
        stats.accuracy(scores[0], [i // 2 for i in range(6)]),
    )
    assert found.value == pytest.approx(own.value)
    assert found.ci95 == pytest.approx(own.ci95)


def test_a_part_of_a_breakdown_is_never_macro():
    answers = [
        record(i, right(i) if i < 3 else wrong(i), question={"groups": {"kind": (kind,)}})
        for i, kind in enumerate(["a", "b", "b", "b"])
    ]
    headline = Mean("accuracy", macro=("kind",))
    assert headline.estimate(answers).value == pytest.approx((1 + 2 / 3) / 2)
    assert estimates.part(headline, answers).value == pytest.approx(3 / 4)
    units = estimates.flat(headline.units(answers))
    assert units == {r.question.id: Unit(float(i < 3), r.video) for i, r in enumerate(answers)}
    micro = estimates.difference(headline, answers, answers[::-1], micro=True)
    assert micro.difference.value == 0
    assert micro.difference.n == 4
