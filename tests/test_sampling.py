"""Which frames are looked at: each rule against its worked example, and every rule on any clip."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import RequestError
from harness.types import VideoInfo
from harness.video.sampling import SAMPLERS, Sampling

RULES = [*SAMPLERS, "fps:0.5", "fps:4"]


def clip(count: int, fps: float = 30.0) -> VideoInfo:
    return VideoInfo(count, fps, count / fps, 640, 360)


@pytest.mark.parametrize(
    ("rule", "indices"),
    [
        ("linspace", [0, 42, 85, 128, 170, 213, 256, 299]),
        ("arange", [0, 37, 75, 112, 150, 187, 225, 262]),
        ("midpoints", [18, 55, 93, 130, 168, 205, 242, 280]),
        ("interior", [33, 66, 100, 133, 166, 200, 233, 266]),
        ("longvideobench", [0, 37, 74, 111, 148, 185, 222, 259]),
        ("fps", [0, 42, 85, 128, 170, 213, 256, 299]),
        ("fps:0.5", [0, 60, 120, 180, 240]),
    ],
)
def test_worked_examples(rule: str, indices: list[int]) -> None:
    assert Sampling(rule, 8).indices(clip(300)) == indices


def test_one_frame_a_second_up_to_the_cap() -> None:
    for rate in (30.0, 30000 / 1001):
        assert SAMPLERS["fps"](clip(300, rate), 32) == list(range(0, 300, 30))


def test_midpoints_of_a_segment_are_mvbenchs() -> None:
    """get_index of MVBench's notebook, written out."""
    start, end, n = round(2.4 * 30), round(7.3 * 30), 16
    part = (end - start) / n
    official = [int(start + part / 2 + np.round(part * i)) for i in range(n)]
    assert Sampling("midpoints", n).indices(clip(300), (2.4, 7.3)) == official


def test_frames_numbered_from_one_are_found_as_mvbench_numbers_them() -> None:
    """For a folder, round(start * fps) is a file's number: file 6 is the sixth, index 5."""
    picked = Sampling("linspace", 3).indices(clip(30, 3.0), (2.0, 4.0), first=1)
    assert picked == [5, 8, 11]


def test_a_segment_past_the_end_gives_the_last_frame() -> None:
    assert Sampling("linspace", 4).indices(clip(300), (50.0, 60.0)) == [299]
    assert Sampling("linspace", 2).indices(clip(300), (9.0, 60.0)) == [270, 299]


@given(
    rule=st.sampled_from(RULES),
    count=st.integers(1, 5000),
    n=st.integers(1, 128),
    fps=st.sampled_from([1.0, 3.0, 10.0, 23.976, 25.0, 29.97, 60.0]),
    segment=st.none() | st.tuples(st.floats(-5, 500), st.floats(-5, 500)),
)
def test_any_rule_on_any_clip_names_frames_that_are_there(
    rule: str, count: int, n: int, fps: float, segment: tuple[float, float] | None
) -> None:
    for short in ("fewer", "repeat"):
        picked = Sampling(rule, n, short).indices(clip(count, fps), segment)
        assert 1 <= len(picked) <= n
        assert picked == sorted(picked)
        assert picked[0] >= 0
        assert picked[-1] < count
        if short == "fewer":
            assert len(set(picked)) == len(picked)


@pytest.mark.parametrize("rule", ["linspace", "arange", "midpoints", "interior"])
def test_a_short_clip_gives_fewer_frames_or_repeats(rule: str) -> None:
    assert len(Sampling(rule, 8, "repeat").indices(clip(3))) == 8
    assert len(Sampling(rule, 8).indices(clip(3))) <= 3


def test_arange_never_gives_one_too_many() -> None:
    for count in range(1, 2000):
        assert len(SAMPLERS["arange"](clip(count), 49)) == 49


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"rule": "linspce"}, "linspace"),
        ({"rule": "fps:none"}, "frames per second"),
        ({"rule": "fps:-1"}, "frames per second"),
        ({"rule": "linspace:3"}, "linspace"),
        ({"frames": 0}, "at least one"),
        ({"short": "pad"}, "fewer or repeat"),
    ],
)
def test_a_wrong_sampling_says_what_to_write(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(RequestError, match=words):
        Sampling(**wrong)  # type: ignore[arg-type]
