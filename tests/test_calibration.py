"""A judged mean corrected by people, by hand: each interval's end and the judge's worth, λ."""

from __future__ import annotations

import math

import pytest

from harness.scoring.calibration import calibrated
from harness.types import Estimate

T = {1: 12.706205, 3: 3.182446}
"""Student's t at 97.5%, by degrees of freedom (a printed table's)."""


def corrected(judged: str, human: str, **choices: object) -> Estimate:
    """Values of one response a video, in order; people saw the first ones."""
    f, y = ([float(x) for x in values.split()] for values in (judged, human))
    return calibrated(dict(enumerate(f)), dict(enumerate(y)), range(len(f)), **choices)  # type: ignore[arg-type]


def test_people_alone_have_the_ordinary_t_interval() -> None:
    two = corrected("0 0 1 1", "1 3", tuning=0.0)  # standard error sqrt(2 / 2)
    assert two.ci95 == pytest.approx((2 - T[1], 2 + T[1]))
    assert (two.value, two.n, two.clusters) == (2.0, 2, 2)
    four = corrected("0 1 1 0 1", "1 2 4 5", tuning=0.0)  # sqrt(10 / 3 / 4)
    reach = T[3] * math.sqrt(10 / 12)
    assert four.ci95 == pytest.approx((3 - reach, 3 + reach), rel=1e-5)


def test_one_labelled_video_has_a_value_and_no_interval() -> None:
    found = calibrated(
        {"a1": 1.0, "a2": 0.0, "b": 1.0}, {"a1": 1.0, "a2": 1.0}, {"a1": "a", "a2": "a", "b": "b"}
    )
    assert (found.n, found.clusters) == (2, 1)
    assert found.value == 1.0
    assert [math.isnan(end) for end in found.ci95] == [True, True]


@pytest.mark.parametrize(
    ("judged", "human", "worth", "value"),
    [
        # λ = -Σ(y's share · gap) / Σ gap², with gaps of 1, 1, -3, -3, 1, 1, 1, 1 in 32nds
        ("0 0 1 1 1 1 1 1", "0 1 1 1", 2 / 3, 2 / 3 * 3 / 4 + 3 / 4 - 2 / 3 * 1 / 2),
        ("0 0 .5 .5 .5 .5 .5 .5", "0 0 1 1", 1.0, 3 / 8 + 1 / 2 - 1 / 4),  # λ is cut from 8 / 3
        ("0 0 1 1 1 1 1 1", "1 1 0 0", 0.0, 1 / 2),  # from -4 / 3
    ],
)
def test_the_judges_worth_is_from_0_to_1(
    judged: str, human: str, worth: float, value: float
) -> None:
    found = corrected(judged, human)
    assert found.value == pytest.approx(value)
    assert found.ci95 == pytest.approx(corrected(judged, human, tuning=worth).ci95)


def test_a_judge_that_says_the_same_of_all_is_worth_nothing() -> None:
    scale = (0.0, 1.0)
    found = corrected(".5 .5 .5 .5 .5", "1 1 1 .9", scale=scale)
    assert found == corrected(".5 .5 .5 .5 .5", "1 1 1 .9", tuning=0.0, scale=scale)


@pytest.mark.parametrize(
    ("judged", "human", "known"),
    [
        ("0 1 0 1 1", "0 1 0 1", False),  # judge and people differ in no video
        ("0 1 0 1 1", "1 1 1 1", True),  # y - f / 2 differs
        ("0 1 0 1 1", "1 0 1 0", True),  # they differ in all
        ("1 1 1 1 0", "1 1 1 1", False),
    ],
)
def test_without_a_scale_nothing_is_known_where_nothing_varies(
    judged: str, human: str, known: bool
) -> None:
    assert math.isnan(corrected(judged, human, tuning=0.5).ci95[0]) is not known
    assert math.isnan(corrected(judged, "1 1 1 1", tuning=0.0).ci95[0])


def test_no_interval_is_narrower_than_the_videos_that_nobody_saw_allow() -> None:
    """On a scale of 1 to 5, y - f / 2 lies from 1 - 5 / 2 to 5 - 1 / 2; its mean is 2.0025 here.
    At most 1 - 0.25^(1/4) of the videos lie at an end."""
    found = corrected("2 2 2 2 2 2", "3 3 3 3.01", tuning=0.5, scale=(1.0, 5.0))
    share = 1 - 0.25 ** (1 / 4)
    assert found.value == pytest.approx(3.0025)
    below, above = share * (2.0025 + 1.5), share * (4.5 - 2.0025)
    assert found.ci95 == pytest.approx((3.0025 - below, 3.0025 + above))
    assert (found.n, found.clusters) == (4, 4)
