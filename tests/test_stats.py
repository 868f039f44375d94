"""Intervals, tests and planning figures, against simulation, brute force and scipy."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as reference

from harness import stats
from harness.stats import clustered


def within(true, estimate):
    return estimate.ci95[0] <= true <= estimate.ci95[1]


def half_width(estimate):
    return (estimate.ci95[1] - estimate.ci95[0]) / 2


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
        clustered += within(0.6, estimate)
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
        covered += within(true, difference)
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
        covered += within(means.mean(), estimate)
    assert 0.93 <= covered / rounds <= 0.97


def test_bootstrap_agrees_with_the_t_interval_and_is_seeded():
    scores, videos = simulated(np.random.default_rng(4))
    estimate = stats.accuracy(scores, videos.tolist())
    low, high = stats.bootstrap(scores, videos.tolist(), seed=7)
    assert (low, high) == pytest.approx(estimate.ci95, abs=0.01)
    assert (low, high) == stats.bootstrap(scores, videos.tolist(), seed=7)
    assert (low, high) != stats.bootstrap(scores, videos.tolist(), seed=8)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=40).filter(lambda s: np.ptp(s) > 1e-3))
def test_one_question_a_video_is_the_ordinary_t_interval(scores):
    estimate = stats.accuracy(scores, range(len(scores)), low=None, high=None)
    low, high = reference.t.interval(
        0.95, len(scores) - 1, loc=np.mean(scores), scale=reference.sem(scores)
    )
    assert estimate.value == pytest.approx(np.mean(scores))
    assert estimate.ci95 == pytest.approx((low, high), rel=1e-6)


def test_equal_clusters_are_the_t_interval_over_video_means():
    scores, videos = simulated(np.random.default_rng(5), videos=30)
    means = scores.reshape(30, 3).mean(1)
    expected = reference.t.ppf(0.975, 29) * reference.sem(means)
    estimate = stats.accuracy(scores, videos.tolist(), low=None, high=None)
    assert half_width(estimate) == pytest.approx(expected)


def test_a_duplicated_question_adds_no_evidence():
    scores, videos = [1.0, 0.0, 1.0, 1.0, 0.0, 0.0], ["a", "b", "c", "d", "e", "f"]
    once, thrice = stats.accuracy(scores, videos), stats.accuracy(scores * 3, videos * 3)
    assert thrice.ci95 == pytest.approx(once.ci95)
    assert (thrice.n, thrice.clusters) == (18, 6)


def test_degenerate_cases_claim_no_certainty():
    nothing = stats.accuracy([], [])
    assert math.isnan(nothing.value)
    assert nothing.n == 0
    one_video = stats.accuracy([1.0, 0.0, 1.0], ["v"] * 3)
    assert one_video.value == pytest.approx(2 / 3)
    assert math.isnan(one_video.ci95[0])
    all_right = stats.accuracy([1.0] * 180, [i // 3 for i in range(180)])
    assert all_right.value == 1.0
    exact = 1 - 0.025 ** (1 / 60)  # the binomial interval over 60 videos
    assert all_right.ci95 == pytest.approx((1 - exact, 1.0))
    all_wrong = stats.accuracy([0.0] * 180, [i // 3 for i in range(180)])
    assert all_wrong.ci95 == pytest.approx((0.0, exact))
    assert math.isnan(stats.macro([1.0, 0.0, 1.0], ["a", "a", "b"], ["x", "x", "y"]).ci95[0])
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
    groups = {q: ("small",) if q in "ab" else ("large",) for q in "abcdef"}
    first = dict.fromkeys(groups, 0.0)
    second = first | {"a": 1.0, "b": 1.0}
    videos = {q: q for q in groups}
    assert stats.paired(first, second, videos, groups).difference.value == pytest.approx(0.5)
    assert stats.paired(first, second, videos).difference.value == pytest.approx(1 / 3)


def test_paired_without_any_difference_or_any_question():
    same = {f"q{i}": float(i % 2) for i in range(10)}
    result = stats.paired(same, same, {q: q for q in same})
    assert (result.difference.value, result.p, result.mcnemar) == (0.0, 1.0, 1.0)
    share = 1 - 0.025 ** (1 / 10)  # of videos that may be unlike these, by 1 either way
    assert result.difference.ci95 == pytest.approx((-share, share))
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
        found += not within(0.5, estimate)
    assert found / 2000 == pytest.approx(0.8, abs=0.04)
    assert math.isnan(stats.minimum_detectable(stats.accuracy([1.0], ["a"])))


def test_expected_knows_the_design_effect():
    rng, widths = np.random.default_rng(7), []
    for _ in range(200):
        scores, videos = simulated(rng)  # beta with spread s: correlation 1 / (s + 1)
        widths.append(half_width(stats.accuracy(scores, videos.tolist())))
    plan = stats.expected(100, 3, value=0.6, correlation=1 / 3)
    assert half_width(plan) == pytest.approx(np.mean(widths), rel=0.03)
    assert math.isnan(stats.expected(1, 3).ci95[0])


def graded(rng, videos, per_video=3, p=0.6):
    """Scores in tenths, as a judge or a relative accuracy gives them, correlated in a video."""
    easy = rng.beta(2 * p, 2 * (1 - p), size=videos)[:, None] * 4 + 1e-9
    scores = rng.beta(easy, 4 + 2e-9 - easy, size=(videos, per_video))
    return np.round(scores.ravel(), 1), np.repeat(np.arange(videos), per_video)


@pytest.mark.parametrize("draw", [simulated, graded])
@pytest.mark.parametrize("videos", [5, 20, 100])
def test_bounded_intervals_cover_with_few_videos_and_stay_on_the_scale(draw, videos):
    """5 videos allow only so many 0/1 results: their interval covers rather more."""
    rng, covered = np.random.default_rng(videos), 0
    for _ in range(1000):
        scores, names = draw(rng, videos=videos)
        estimate = stats.accuracy(scores.tolist(), names.tolist())
        low, high = estimate.ci95
        assert 0 <= low < high <= 1
        covered += within(0.6, estimate)
    assert 0.93 <= covered / 1000 <= (0.97 if videos > 5 else 1.0)


def test_graded_scores_that_happen_to_be_constant_claim_no_certainty():
    """60 videos, all 0.4: up to q of unseen ones may all be 0, or all be 1."""
    estimate = stats.accuracy([0.4] * 180, [i // 3 for i in range(180)])
    q = 1 - 0.025 ** (1 / 60)
    assert estimate.ci95 == pytest.approx((0.4 * (1 - q), 0.4 + 0.6 * q))
    judged = stats.accuracy([4.0] * 60, range(60), low=0.0, high=5.0)
    assert judged.ci95 == pytest.approx((4 * (1 - q), 4 + q))
    equal_videos = stats.accuracy([1.0, 0.0] * 60, [i // 2 for i in range(120)])
    assert equal_videos.ci95 == pytest.approx((0.5 * (1 - q), 0.5 + 0.5 * q))
    nearly = stats.accuracy([0.4] * 59 + [0.41], range(60))
    assert nearly.ci95[1] - nearly.ci95[0] > 0.02


def test_unbounded_scores_that_are_constant_leave_the_interval_unknown():
    assert all(map(math.isnan, stats.accuracy([12.5] * 9, range(9), low=None, high=None).ci95))
    half = stats.accuracy([0.1, 9.0, 0.2, 0.1], range(4), low=0.0, high=None)
    assert half.ci95[0] == 0.0
    assert half.ci95[1] > 9


def test_weights_of_groups():
    """A third of the weight to the large group's mean 0.5, two thirds to the small one's 1."""
    scores, groups = [1.0, 1.0, 1.0, 0.0, 1.0, 0.0], list("ssllll")
    found = stats.macro(scores, list("abcdef"), groups, {"s": 2 / 3, "l": 1 / 3})
    assert found.value == pytest.approx(2 / 3 + 1 / 6)


def test_all_right_in_groups_of_unequal_size_is_as_sure_as_the_weightiest_video():
    """Two videos carry half of the weight: they are as good as four of one group."""
    groups = ["small"] * 2 + ["large"] * 50
    found = stats.macro([1.0] * 52, range(52), groups)
    assert found.ci95[0] == pytest.approx(0.025 ** (1 / 4))


def test_degrees_of_freedom_are_those_of_the_smaller_group():
    """By brute force: tr(Ω)² / tr(Ω²) with the covariance written out."""
    rng = np.random.default_rng(8)
    videos = [*range(4), *range(40), *range(3)]
    groups = ["a"] * 4 + ["b"] * 40 + ["a"] * 3
    found = clustered.cells(rng.random(47).tolist(), videos, groups)
    totals = found.sizes.sum(0)
    grow = 0.5 / totals / np.sqrt(1 - found.sizes / totals)
    omega = np.diag((grow**2 * found.sizes).sum(1))
    for g in range(2):
        u = grow[:, g] * found.sizes[:, g] / np.sqrt(totals[g])
        omega -= np.outer(u, u)
    assert found.error()[1] == pytest.approx(np.trace(omega) ** 2 / np.trace(omega @ omega))
    assert clustered.cells([0.0, 1.0, 1.0], range(3), [0] * 3).error()[1] == pytest.approx(2)


def test_the_jackknife_of_sums_is_linear_and_agrees_with_the_mean():
    """A mean written as a ratio of sums has nearly the interval of the t formula."""
    scores, videos = simulated(np.random.default_rng(9), videos=50)
    sums = [[row.sum(), 3.0] for row in scores.reshape(50, 3)]
    found = stats.of_sums(lambda s: s[0] / s[1], sums, n=150)
    plain = stats.accuracy(scores.tolist(), videos.tolist(), low=None, high=None)
    assert found.value == pytest.approx(plain.value)
    assert found.ci95 == pytest.approx(plain.ci95, rel=1e-6)
    assert (found.n, found.clusters) == (150, 50)
    assert math.isnan(stats.of_sums(lambda s: s[0], [[1.0]], n=1).ci95[0])
    assert math.isnan(stats.of_sums(lambda s: s[0], [], n=0).value)
