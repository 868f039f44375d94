"""Which frames are looked at: each rule against its worked example, and every rule on any clip."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.build import build_as
from harness.errors import RequestError, VideoError
from harness.types import VideoInfo
from harness.video.convert import shrunk
from harness.video.sampling import SAMPLERS, Sampling
from harness.video.segment import bounds, cut

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


@pytest.mark.parametrize("segment", [(10.0, 12.0), (50.0, 60.0), (-3.0, -1.0), (5.0, 4.0)])
def test_a_segment_outside_the_video_is_an_error(segment: tuple[float, float]) -> None:
    with pytest.raises(VideoError, match=f"the segment {segment[0]:g} to {segment[1]:g} s"):
        Sampling("linspace", 4).indices(clip(300), segment)


def test_a_segment_partly_outside_is_cut_with_a_note() -> None:
    assert Sampling("linspace", 2).indices(clip(300), (9.0, 60.0)) == [270, 299]
    assert Sampling("linspace", 2).indices(clip(300), (-2.0, 1.0)) == [0, 30]
    assert cut(clip(300), (9.0, 60.0)) == (
        "segment 9 to 60 s cut to the video, which lasts 10.0 s",
    )
    assert cut(clip(300), (-2.0, 1.0))
    for within in (None, (0.0, 10.0), (0.0, 10.03), (9.99, 10.0)):
        assert cut(clip(300), within) == ()


def test_a_segment_of_numbered_files_counts_from_the_first_number() -> None:
    """Files 31 to 60 at 3 a second: they show seconds 10 to 20."""
    assert Sampling("linspace", 2).indices(clip(30, 3.0), (10.0, 30.0), first=31) == [0, 29]
    with pytest.raises(VideoError, match="outside"):
        Sampling("linspace", 2).indices(clip(30, 3.0), (0.0, 5.0), first=31)


# ── as model cards prescribe it ──────────────────────────────────────────────────────────────


def test_at_least_and_at_most_so_many_frames() -> None:
    card = Sampling("fps:2", frames=64, min_frames=4)
    assert len(card.indices(clip(3000))) == 64  # 100 s: 200 at 2 a second
    assert card.indices(clip(300)) == list(range(0, 300, 15))
    assert card.indices(clip(30)) == [0, 9, 19, 29]  # 1 s: 2 by the rate
    assert card.indices(clip(3)) == [0, 1, 2]  # no more are there
    assert card.indices(clip(3000), (2.0, 2.5)) == [60, 65, 70, 75]


@pytest.mark.parametrize("rule", RULES)
def test_the_last_frame_is_always_in_where_that_is_asked(rule: str) -> None:
    for count in (1, 2, 7, 299, 300, 5000):
        picked = Sampling(rule, 8, last=True).indices(clip(count))
        assert picked[-1] == count - 1
        assert len(picked) <= 8
    assert Sampling(rule, 8, last=True).indices(clip(300), (1.0, 5.0))[-1] == 150
    assert Sampling("fps", 32, last=True).indices(clip(310)) == [*range(0, 310, 30), 309]
    assert Sampling("arange", 4, last=True).indices(clip(300)) == [0, 75, 150, 299]


def test_frames_go_by_the_clips_duration() -> None:
    groups = Sampling(frames=64, by_duration=((10.0, 8), (60.0, 32)))
    counts = [len(groups.indices(clip(int(30 * seconds)))) for seconds in (5, 10, 10.1, 60, 61)]
    assert counts == [8, 8, 32, 32, 64]
    assert len(groups.indices(clip(30 * 3600), (100.0, 105.0))) == 8  # the segment's


def test_pixels_bound_the_frames_size() -> None:
    info = VideoInfo(300, 30.0, 10.0, 1280, 720)
    assert Sampling().shortest(info, 8) is None
    assert Sampling().shortest(info, 8, 336) == 336
    assert Sampling(pixels=1280 * 720).shortest(info, 8) is None
    for sampling, frames, most in (
        (Sampling(pixels=360 * 420), 8, 360 * 420),
        (Sampling(total_pixels=8 * 100_000), 8, 100_000),
        (Sampling(total_pixels=8 * 100_000), 4, 200_000),
        (Sampling(pixels=50_000, total_pixels=10**6), 4, 50_000),
    ):
        edge = sampling.shortest(info, frames)
        assert edge is not None
        width, height = shrunk(1280, 720, edge)
        assert 0.98 * most < width * height <= most
    assert Sampling(pixels=360 * 420).shortest(info, 8, 112) == 112


def outside(info: VideoInfo, segment: tuple[float, float]) -> bool:
    start, end = segment
    return end < start or end < 0 or start >= info.count / info.fps


@given(
    rule=st.sampled_from(RULES),
    count=st.integers(1, 5000),
    n=st.integers(1, 128),
    fps=st.sampled_from([1.0, 3.0, 10.0, 23.976, 25.0, 29.97, 60.0]),
    segment=st.none() | st.tuples(st.floats(-5, 500), st.floats(-5, 500)),
    least=st.integers(1, 128),
    last=st.booleans(),
)
def test_any_rule_on_any_clip_names_frames_that_are_there(
    rule: str,
    count: int,
    n: int,
    fps: float,
    segment: tuple[float, float] | None,
    least: int,
    last: bool,
) -> None:
    least = min(least, n)
    info = clip(count, fps)
    if segment is not None and outside(info, segment):
        with pytest.raises(VideoError):
            Sampling(rule, n).indices(info, segment)
        return
    start, stop = bounds(info, segment)
    for short in ("fewer", "repeat"):
        picked = Sampling(rule, n, short, min_frames=least, last=last).indices(info, segment)
        assert min(least, stop - start) <= len(picked) <= n
        assert not last or picked[-1] == stop - 1
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
        ({"min_frames": 9}, "min_frames=9: write 1 to frames=8"),
        ({"min_frames": 0}, "min_frames=0"),
        ({"pixels": 0}, "pixels=0"),
        ({"total_pixels": -1}, "total_pixels=-1"),
        ({"by_duration": ((60.0, 4), (10.0, 8))}, "must ascend"),
        ({"by_duration": ((60.0, 16),)}, "16 frames up to 60 s"),
    ],
)
def test_a_wrong_sampling_says_what_to_write(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(RequestError, match=words):
        Sampling(**wrong)  # type: ignore[arg-type]


def test_a_yaml_file_writes_durations_as_pairs() -> None:
    """Lists from YAML or request.json are the tuples of Python, so that identities agree."""
    settings = {"frames": 32, "by_duration": [[60, 8], [600, 16]], "last": True}
    assert build_as(Sampling, settings, "sampling") == Sampling(
        frames=32, by_duration=((60.0, 8), (600.0, 16)), last=True
    )
