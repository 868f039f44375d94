"""Reading a corpus of replies, agreement of judges, and a judged mean corrected by people."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from harness.errors import JudgeError, RequestError
from harness.scoring.agreement import kappa
from harness.scoring.calibration import calibrated
from harness.scoring.judge_replies import rating, verdict
from harness.stats import accuracy
from tests.judge_corpus import replies


def read(reply):
    try:
        return verdict(reply)[0], rating(reply)[0]
    except JudgeError:
        return None


def test_99_of_100_replies_that_a_human_can_read_are_read_and_none_wrongly():
    unread, wrong, readable = Counter(), Counter(), 0
    for form, reply, says in replies(6000):
        got = read(reply)
        readable += says is not None
        if got is not None and got != says:
            wrong[form, reply] += 1
        elif got is None and says is not None:
            unread[form, reply] += 1
    assert not wrong
    assert sum(unread.values()) <= 0.01 * readable, unread.most_common(5)


def pairs(both_yes, first_only, second_only, both_no):
    first = [1] * (both_yes + first_only) + [0] * (second_only + both_no)
    second = [1] * both_yes + [0] * first_only + [1] * second_only + [0] * both_no
    return first, second


def test_kappa_of_the_textbook_table():
    found = kappa(*pairs(20, 5, 10, 15), clusters=range(50))
    assert found.value == pytest.approx(0.4)
    assert found.ci95[0] < 0.4 < found.ci95[1]
    assert (found.n, found.clusters) == (50, 50)


def test_kappa_of_same_and_of_opposite_judges():
    assert kappa([1, 0, 1, 0], [1, 0, 1, 0], [1, 2, 3, 4]).value == 1.0
    assert kappa([1, 0, 1, 0], [0, 1, 0, 1], [1, 2, 3, 4]).value == -1.0
    assert kappa([1], [0], [1]).value == 0.0  # as often as by chance
    assert kappa([0, 0, 2, 2], [0, 2, 2, 0], range(4)).value == 0.0
    for first, videos in (([1, 1], [1, 2]), ([1, 0], [1, 1]), ([1, 0], [1, 2]), ([], [])):
        found = kappa(first, first, videos)  # always the same, one video, one without the other
        assert all(map(math.isnan, found.ci95))
        assert (found.n, found.clusters) == (len(first), len(set(videos)))
        assert found.value == 1.0 or (len(set(first)) < 2 and math.isnan(found.value))
    with pytest.raises(ValueError, match="2, 1 and 2 values: they must be as many"):
        kappa([1, 0], [1], [1, 2])


def test_weighted_kappa_forgives_near_misses():
    first, second = [0, 1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 5]
    assert kappa(first, second, first).value < 0.2
    found = kappa(first, second, first, weighted=True)
    assert found.value == pytest.approx(1 - (5 / 6) / (35 / 6))  # mean squares: seen and by chance
    rest = [by_hand(first, second, leave) for leave in range(6)]
    reach = 2.570582 * math.sqrt(5 / 6 * sum((x - sum(rest) / 6) ** 2 for x in rest))
    assert found.ci95 == pytest.approx((found.value - reach, 1.0))
    wrong = kappa(first, second[::-1], first, weighted=True)
    assert wrong.ci95[0] == -1.0
    assert kappa([0, 0, 1, 1], [0, 1, 1, 1], "abab").ci95[0] < 0.5 < 1.0


def by_hand(first, second, leave):
    """Kappa by squared distances without one response."""
    a, b = ([x for i, x in enumerate(s) if i != leave] for s in (first, second))
    seen = sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) / len(a)
    return 1 - seen / (sum((x - y) ** 2 for x in a for y in b) / len(a) ** 2)


def test_kappas_interval_is_wider_when_a_videos_questions_agree_together():
    first, second = pairs(20, 5, 5, 20)
    alone = kappa(first, second, range(50))
    together = kappa(first, second, [n // 5 for n in range(50)])
    assert together.ci95[1] - together.ci95[0] > alone.ci95[1] - alone.ci95[0]


def study(rng, videos=120, each=4, labelled=30):
    """A judge that says yes to 40% of the wrong answers; people looked at some of the videos."""
    ability = rng.beta(2, 2, videos)
    truth = rng.random((videos, each)) < ability[:, None]
    judged = truth | (rng.random((videos, each)) < 0.4)
    looked = set(rng.choice(videos, labelled, replace=False).tolist())
    cluster, f, y = {}, {}, {}
    for video in range(videos):
        for place in range(each):
            key = f"{video}/{place}"
            cluster[key], f[key] = video, float(judged[video, place])
            if video in looked:
                y[key] = float(truth[video, place])
    return f, y, cluster


def test_the_corrected_interval_covers_the_truth_where_the_judges_own_misses_it():
    rng = np.random.default_rng(7)
    corrected = raw = narrower = 0
    runs = 300
    for _ in range(runs):
        judged, human, cluster = study(rng)
        found = calibrated(judged, human, cluster)
        alone = calibrated(judged, human, cluster, tuning=0.0)
        corrected += found.ci95[0] <= 0.5 <= found.ci95[1]
        narrower += found.ci95[1] - found.ci95[0] < alone.ci95[1] - alone.ci95[0]
        own = accuracy([judged[k] for k in judged], [cluster[k] for k in judged])
        raw += own.ci95[0] <= 0.5 <= own.ci95[1]
    assert raw <= 0.02 * runs
    assert 0.92 * runs <= corrected <= 0.985 * runs
    assert narrower >= 0.9 * runs  # the judge's verdicts are worth something all the same


def test_a_few_people_who_agree_with_the_judge_are_no_certainty():
    """Five verdicts that are all the judge's: 1 - 0.025^(1/5) of the others may be otherwise."""
    judged = {str(i): 1.0 for i in range(100)}
    human = {str(i): 1.0 for i in range(5)}
    cluster = {key: key for key in judged}
    found = calibrated(judged, human, cluster, scale=(0.0, 1.0))
    assert found.value == 1.0
    assert found.ci95 == pytest.approx((0.025**0.2, 1.0))
    assert math.isnan(calibrated(judged, human, cluster).ci95[0])  # no scale: how far is not known
    judged |= {str(i): 0.0 for i in range(50, 100)}
    more = {str(i): 1.0 for i in range(20)}
    low, high = calibrated(judged, more, cluster, tuning=1.0, scale=(0.0, 1.0)).ci95
    share = 1 - 0.025 ** (1 / 20)  # beside what the judge's own mean may be off by
    assert 0 < low < 0.5 - share
    assert 0.5 + share < high < 1
    low, high = calibrated(judged, human, cluster, tuning=0.0, scale=(0.0, 5.0)).ci95
    assert (low, high) == pytest.approx((1 - (1 - 0.025**0.2), 1 + 4 * (1 - 0.025**0.2)))


def test_corrected_intervals_cover_with_few_verdicts_near_the_end_of_the_scale():
    rng, held, rounds = np.random.default_rng(9), 0, 400
    for _ in range(rounds):
        truth = rng.random(200) < 0.9
        passed = rng.random(200) < np.where(truth, 0.98, 0.03)
        judged = {i: float(x) for i, x in enumerate(passed)}
        human = {int(i): float(truth[i]) for i in rng.choice(200, 5, replace=False)}
        low, high = calibrated(judged, human, {i: i for i in judged}, scale=(0.0, 1.0)).ci95
        assert high > low
        held += low <= 0.9 <= high
    assert held >= 0.93 * rounds  # 43% without the floor


def test_people_alone_and_plain_correction_are_the_two_ends():
    judged = {"a": 1.0, "b": 1.0, "c": 0.0, "d": 1.0}
    human = {"a": 1.0, "b": 0.0}
    cluster = dict(zip("abcd", range(4), strict=True))
    assert calibrated(judged, human, cluster, tuning=0.0).value == 0.5
    assert calibrated(judged, human, cluster, tuning=1.0).value == pytest.approx(0.75 - 0.5)


def test_verdicts_about_other_responses_are_refused():
    with pytest.raises(RequestError, match=r"without a judge's score, e\.g\. 'z'"):
        calibrated({"a": 1.0}, {"z": 1.0}, {"a": 1})
    with pytest.raises(RequestError, match=r"^there are no human verdicts to calibrate by$"):
        calibrated({"a": 1.0}, {}, {"a": 1})
