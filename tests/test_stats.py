"""Intervals, tests and planning figures, against simulation, brute force and scipy."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as reference

from harness import stats


def simulated(rng, videos=100, per_video=3, p=0.6, spread=2.0):
    """Scores [videos * per_video], correlated in a video: its difficulty is beta-distributed."""
    hard = rng.beta(p * spread, (1 - p) * spread, size=videos)
    scores = rng.random((videos, per_video)) < hard[:, None]
    return scores.astype(float).ravel(), np.repeat(np.arange(videos), per_video)


def test_intervals_cover_over_2000_simulations_with_3_correlated_questions_a_video():
    rng = np.random.default_rng(1)
    clustered = naive = 0
    for _ in range(2000):
        scores, videos = simulated(rng)
        estimate = stats.accuracy(scores, videos.tolist())
        clustered += abs(estimate.value - 0.6) <= estimate.half_width
        naive += abs(estimate.value - 0.6) <= 1.96 * math.sqrt(0.24 / 300)
    assert 0.93 <= clustered / 2000 <= 0.97
    assert naive / 2000 < 0.93  # what treating questions as independent would claim


def test_paired_intervals_cover_over_2000_simulations():
    rng, true, covered = np.random.default_rng(2), 0.1, 0
    for _ in range(2000):
        first, videos = simulated(rng)
        lifted = np.where(rng.random(300) < 0.25, 1.0, first)  # E[difference] = 0.25 * 0.4
        names = [str(i) for i in range(300)]
        a, b, c = (dict(zip(names, x.tolist(), strict=True)) for x in (first, lifted, videos))
        difference = stats.paired(a, b, c).difference
        covered += abs(difference.value - true) <= difference.half_width
    assert 0.93 <= covered / 2000 <= 0.97


@pytest.mark.parametrize("nested", [True, False])
def test_macro_intervals_cover(nested):
    """Groups of unequal size, made of videos of their own or crossing all videos."""
    rng, covered, rounds = np.random.default_rng(3), 0, 2000
    means = np.array([0.3, 0.5, 0.8])
    for _ in range(rounds):
        videos = np.repeat(np.arange(120), 3)
        groups = np.digitize(videos, [20, 60]) if nested else rng.choice(3, 360, p=[0.2, 0.3, 0.5])
        shift = rng.uniform(-0.2, 0.2, size=120)[videos]
        scores = (rng.random(360) < means[groups] + shift).astype(float)
        estimate = stats.macro(scores.tolist(), videos.tolist(), groups.tolist())
        covered += abs(estimate.value - means.mean()) <= estimate.half_width
    assert 0.93 <= covered / rounds <= 0.97


def test_bootstrap_agrees_with_the_t_interval_and_is_seeded():
    scores, videos = simulated(np.random.default_rng(4))
    estimate = stats.accuracy(scores, videos.tolist())
    low, high = stats.bootstrap(scores, videos.tolist(), seed=7)
    assert low == pytest.approx(estimate.value - estimate.half_width, abs=0.01)
    assert high == pytest.approx(estimate.value + estimate.half_width, abs=0.01)
    assert (low, high) == stats.bootstrap(scores, videos.tolist(), seed=7)
    assert (low, high) != stats.bootstrap(scores, videos.tolist(), seed=8)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=40).filter(lambda s: np.ptp(s) > 1e-3))
def test_one_question_a_video_is_the_ordinary_t_interval(scores):
    estimate = stats.accuracy(scores, range(len(scores)))
    low, high = reference.t.interval(
        0.95, len(scores) - 1, loc=np.mean(scores), scale=reference.sem(scores)
    )
    assert estimate.value == pytest.approx(np.mean(scores))
    assert estimate.half_width == pytest.approx((high - low) / 2, rel=1e-6)


def test_equal_clusters_are_the_t_interval_over_video_means():
    scores, videos = simulated(np.random.default_rng(5), videos=30)
    means = scores.reshape(30, 3).mean(1)
    expected = reference.t.ppf(0.975, 29) * reference.sem(means)
    assert stats.accuracy(scores, videos.tolist()).half_width == pytest.approx(expected)


def test_a_duplicated_question_adds_no_evidence():
    scores, videos = [1.0, 0.0, 1.0, 1.0, 0.0, 0.0], ["a", "b", "c", "d", "e", "f"]
    once, thrice = stats.accuracy(scores, videos), stats.accuracy(scores * 3, videos * 3)
    assert thrice.half_width == pytest.approx(once.half_width)
    assert (thrice.n, thrice.clusters) == (18, 6)


def test_degenerate_cases_claim_no_certainty():
    nothing = stats.accuracy([], [])
    assert math.isnan(nothing.value)
    assert nothing.n == 0
    one_video = stats.accuracy([1.0, 0.0, 1.0], ["v"] * 3)
    assert one_video.value == pytest.approx(2 / 3)
    assert math.isnan(one_video.half_width)
    all_right = stats.accuracy([1.0] * 180, [i // 3 for i in range(180)])
    assert all_right.value == 1.0
    assert all_right.half_width == pytest.approx(1 - 0.025 ** (1 / 60))  # exact, over 60 videos
    assert stats.accuracy([0.0] * 180, [i // 3 for i in range(180)]).half_width == pytest.approx(
        all_right.half_width
    )
    assert math.isnan(stats.macro([1.0, 0.0, 1.0], ["a", "a", "b"], ["x", "x", "y"]).half_width)
    assert stats.bootstrap([1.0], ["a"]) == pytest.approx((math.nan, math.nan), nan_ok=True)
    with pytest.raises(ValueError, match="as many"):
        stats.accuracy([1.0], [])


def test_macro_is_the_mean_of_group_means():
    """MLVU's M-Avg by hand: (1/2 + 3/4) / 2, not 4/6."""
    scores, groups = [1, 0, 1, 1, 1, 0], ["ego", "ego", "order", "order", "order", "order"]
    assert stats.macro(scores, list("abcdef"), groups).value == pytest.approx(0.625)


def test_paired_counts_flips_and_tests_exactly():
    names = [f"q{i}" for i in range(20)]
    first = dict.fromkeys(names, 0.0)
    second = first | {"q0": 1.0, "q1": 1.0, "q2": 1.0, "q3": 1.0, "q4": 1.0, "extra": 1.0}
    first["q19"] = 1.0
    result = stats.paired(first, second, {q: q for q in names})
    assert (result.gained, result.lost) == (5, 1)
    assert result.difference.n == 20
    assert result.difference.value == pytest.approx(0.2)
    assert result.mcnemar == pytest.approx(2 * (6 + 1) / 2**6)
    steps = [second[q] - first[q] for q in names]
    assert result.p == pytest.approx(reference.ttest_1samp(steps, 0).pvalue)


def test_a_paired_difference_of_group_means():
    """By hand: +1 for both questions of a small group, 0 for the four of a large one."""
    groups = {"a": "small", "b": "small", "c": "large", "d": "large", "e": "large", "f": "large"}
    first = dict.fromkeys(groups, 0.0)
    second = first | {"a": 1.0, "b": 1.0}
    videos = {q: q for q in groups}
    assert stats.paired(first, second, videos, groups).difference.value == pytest.approx(0.5)
    assert stats.paired(first, second, videos).difference.value == pytest.approx(1 / 3)


def test_paired_without_any_difference_or_any_question():
    same = {f"q{i}": float(i % 2) for i in range(10)}
    result = stats.paired(same, same, {q: q for q in same})
    assert (result.difference.value, result.p, result.mcnemar) == (0.0, 1.0, 1.0)
    assert 0 < result.difference.half_width < 1
    nothing = stats.paired(same, {}, {})
    assert nothing.difference.n == 0
    assert nothing.p == 1.0
    worse = stats.paired(dict.fromkeys(same, 1.0), dict.fromkeys(same, 0.0), {q: q for q in same})
    assert worse.difference.value == -1.0
    assert worse.p == pytest.approx(2 / 2**10)


def test_holm_by_hand():
    assert stats.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert stats.holm([0.9, 0.8, math.nan]) == pytest.approx([1.0, 1.0, math.nan], nan_ok=True)
    assert stats.holm([]) == []


def test_an_effect_of_the_minimum_detectable_size_is_found_four_times_in_five():
    rng, found = np.random.default_rng(6), 0
    effect = stats.minimum_detectable(stats.expected(100, 1, value=0.5))
    assert effect == pytest.approx(0.14, abs=0.005)
    for _ in range(2000):
        estimate = stats.accuracy((rng.random(100) < 0.5 + effect).astype(float), range(100))
        found += abs(estimate.value - 0.5) > estimate.half_width
    assert found / 2000 == pytest.approx(0.8, abs=0.04)
    assert math.isnan(stats.minimum_detectable(stats.accuracy([1.0], ["a"])))


def test_expected_knows_the_design_effect():
    rng, widths = np.random.default_rng(7), []
    for _ in range(200):
        scores, videos = simulated(rng)  # beta with spread s: correlation 1 / (s + 1)
        widths.append(stats.accuracy(scores, videos.tolist()).half_width)
    plan = stats.expected(100, 3, value=0.6, correlation=1 / 3)
    assert plan.half_width == pytest.approx(np.mean(widths), rel=0.03)
    assert math.isnan(stats.expected(1, 3).half_width)
