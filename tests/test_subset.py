"""A few clips that stand for all."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from harness.subset import select
from harness.types import Clip, Question


def clip(id: str, *groups: tuple[str, str]) -> Clip:
    """A clip with one question for each (kind, length)."""
    questions = tuple(
        Question(f"{id}-{place}", "?", groups={"kind": (kind,), "length": (length,)})
        for place, (kind, length) in enumerate(groups)
    )
    return Clip(id, Path(f"{id}.mp4"), questions)


def ids(clips: list[Clip]) -> list[str]:
    return [found.id for found in clips]


def test_all_clips_without_a_limit_or_with_a_large_one() -> None:
    clips = [clip("a", ("x", "short")), clip("b", ("y", "long"))]
    assert select(clips, None) == select(clips, 2) == select(clips, 9) == clips


def test_every_value_of_every_breakdown_comes_before_a_second_of_any() -> None:
    clips = [clip(f"x{n}", ("x", "short")) for n in range(5)]
    clips += [clip("y", ("y", "short")), clip("z", ("z", "long"))]
    assert ids(select(clips, 3)) == ["x0", "y", "z"]
    assert ids(select(clips, 4)) == ["x0", "x1", "y", "z"]


def test_a_clip_with_many_questions_is_no_less_welcome() -> None:
    """Coverage is a mean over a clip's groups: a sum would leave clips with many questions last."""
    clips = [clip("one", ("x", "short")), clip("two", ("x", "short"))]
    clips += [clip("many", ("x", "long"), ("x", "long"), ("x", "long"), ("y", "long"))]
    assert ids(select(clips, 2)) == ["one", "many"]


def test_a_question_in_several_values_counts_in_each() -> None:
    both = Clip("both", None, (Question("q", "?", groups={"kind": ("x", "y")}),))
    clips = [both, clip("x", ("x", "short")), clip("z", ("z", "short"))]
    assert ids(select(clips, 2)) == ["both", "z"]


def test_the_choice_is_the_greedy_one_and_keeps_the_order() -> None:
    clips = [clip(f"{n}", ("abcde"[n * n % 5], "short" if n % 3 else "long")) for n in range(40)]
    for limit in (1, 7, 20, 39):
        assert select(clips, limit) == greedy(clips, limit)


def test_clips_without_groups_are_taken_in_order() -> None:
    clips = [Clip(str(n), None, (Question(str(n), "?"),)) for n in range(4)]
    assert ids(select(clips, 2)) == ["0", "1"]


@pytest.mark.parametrize("limit", [5, 10])
def test_a_subset_is_balanced(limit: int) -> None:
    kinds = "abcde"
    clips = [clip(f"{kind}{n}", (kind, "short")) for kind in kinds for n in range(6)]
    taken = Counter(found.id[0] for found in select(clips, limit))
    assert set(taken.values()) == {limit // 5}


def greedy(clips: list[Clip], limit: int) -> list[Clip]:
    """The rule as it is said: each step takes the first clip whose groups are least covered."""
    groups = [
        [(name, v) for q in found.questions for name, values in q.groups.items() for v in values]
        for found in clips
    ]
    covered: Counter[tuple[str, str]] = Counter()
    chosen: list[int] = []
    for _ in range(limit):
        left = [place for place in range(len(clips)) if place not in chosen]
        best = min(
            left, key=lambda i: (sum(covered[g] for g in groups[i]) / max(len(groups[i]), 1), i)
        )
        chosen.append(best)
        covered.update(groups[best])
    return [clips[place] for place in sorted(chosen)]
