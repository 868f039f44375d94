"""Which clips are asked, in what form, and what is shown of them."""

from pathlib import Path

import numpy as np
import pytest

from harness.run.loading import arranged, remove_evidence, select
from harness.types import Clip, Frames, Question


def clip(number: int, duration: str, *types: str) -> Clip:
    questions = tuple(
        Question(f"{number}-{i}", "?", ("a", "b", "c"), "A", {"duration": duration, "type": kind})
        for i, kind in enumerate(types)
    )
    return Clip(f"v{number}", Path(f"{number}.mp4"), questions)


CLIPS = [
    *(clip(n, "short", "count") for n in range(10)),
    *(clip(n, "long", "count") for n in range(10, 20)),
    clip(20, "long", "order"),
]


def test_a_limit_takes_whole_clips_spread_over_the_breakdowns_in_order() -> None:
    chosen = select(CLIPS, 4)
    assert [c.id for c in chosen] == ["v0", "v1", "v10", "v20"]
    assert select(CLIPS, 4) == chosen, "the same ones each time"
    assert [c.id for c in select(CLIPS, 2)] == ["v0", "v20"], "the rarest group is not left out"
    assert select(CLIPS, None) == CLIPS
    assert select(CLIPS, 99) == CLIPS


def test_options_are_rotated_at_most_once_per_place() -> None:
    (asked,) = arranged([clip(0, "short", "count")], "none", 4)
    assert [q.gold for q in asked.questions] == ["A", "B", "C"]
    assert [q.options[0] for q in asked.questions] == ["a", "c", "b"]
    assert len({q.id for q in asked.questions}) == 3


@pytest.fixture
def frames() -> Frames:
    pixels = np.arange(8, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3), np.uint8)
    return Frames(pixels, np.arange(8.0), tuple(range(8)))


def shades(frames: Frames) -> list[int]:
    return [int(frame[0, 0, 0]) for frame in frames.pixels]


def test_each_control_removes_its_evidence(frames: Frames) -> None:
    assert shades(remove_evidence(frames, "none", "v")) == list(range(8))
    assert shades(remove_evidence(frames, "blank", "v")) == [0] * 8
    assert shades(remove_evidence(frames, "single_frame", "v")) == [4] * 8
    shuffled = shades(remove_evidence(frames, "shuffled", "v"))
    assert sorted(shuffled) == list(range(8)) != shuffled
    assert shuffled == shades(remove_evidence(frames, "shuffled", "v")), "seeded by the clip"
    assert shuffled != shades(remove_evidence(frames, "shuffled", "w"))
