"""Who takes which clip: nothing lost, nothing twice, and a clip that kills costs itself only."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import WorkerError
from harness.run.dispatch import BARREN, Dispatcher
from harness.types import Clip, Question


def clips(count: int, questions: int = 2) -> list[Clip]:
    return [
        Clip(f"c{n}", None, tuple(Question(f"c{n}q{i}", "?") for i in range(questions)))
        for n in range(count)
    ]


def answer(queue: Dispatcher, worker: int, clip: Clip) -> list[str]:
    keys = [question.key for question in clip.questions]
    for key in keys:
        queue.answered(worker, clip.id, key)
    return keys


def test_clips_are_taken_as_workers_come_for_them() -> None:
    queue = Dispatcher(clips(3))
    assert queue.begin(0)
    assert queue.begin(1)
    taken = [queue.next(worker) for worker in (0, 1, 0, 1, 0)]
    assert [clip and clip.id for clip in taken] == ["c0", "c1", "c2", None, None]
    queue.ended(0)
    assert not queue.done
    queue.ended(1)
    assert queue.done
    assert not queue.begin(0), "nothing is left to begin with"


def moments(*counts: int) -> list[Clip]:
    """So many clips of each of several videos."""
    return [
        Clip(f"{name}{n}", Path(name), (Question(f"{name}{n}q", "?"),))
        for name, count in zip("abc", counts, strict=False)
        for n in range(count)
    ]


def test_clips_of_one_video_go_to_one_worker_while_there_are_others() -> None:
    queue = Dispatcher(moments(3, 2))
    queue.begin(0)
    queue.begin(1)
    taken = [queue.next(worker) for worker in (0, 1, 0, 1, 1, 0)]
    assert [clip and clip.id for clip in taken] == ["a0", "b0", "a1", "b1", "a2", None]


def test_what_a_dead_worker_was_to_have_next_goes_to_others() -> None:
    queue = Dispatcher(moments(3))
    queue.begin(0)
    assert queue.next(0) is not None
    assert queue.waiting == 2
    queue.died(0)
    assert queue.waiting == 3, "the one that it held is a suspect"
    queue.begin(1)
    assert queue.next(1) is not None
    queue.begin(2)
    assert [clip and clip.id for clip in (queue.next(2), queue.next(2))] == ["a1", "a2"]
    queue.stop()
    assert queue.waiting == 0


def test_a_clip_that_kills_is_given_up_and_its_neighbours_are_not() -> None:
    queue = Dispatcher(clips(3))
    queue.begin(0)
    held = [queue.next(0) for _ in range(3)]
    assert held[0] is not None
    queue.answered(0, "c0", "c0q0")
    assert queue.died(0) == [], "three were held: nobody knows which"
    alone: list[str] = []
    given_up: list[Clip] = []
    while not queue.done:
        assert queue.begin(1)
        clip = queue.next(1)
        assert clip is not None
        assert queue.next(1) is None, "a suspect is alone"
        alone.append(clip.id)
        if clip.id == "c1":
            given_up += queue.died(1)
        else:
            if clip.id == "c0":
                assert [q.key for q in clip.questions] == ["c0q1"], "what was answered stays so"
            answer(queue, 1, clip)
            queue.ended(1)
    assert alone == ["c0", "c1", "c2", "c1"]
    assert [clip.id for clip in given_up] == ["c1"]


def test_workers_that_never_start_end_the_run() -> None:
    queue = Dispatcher(clips(1))
    for _ in range(BARREN - 1):
        queue.begin(0)
        assert queue.died(0) == []
    queue.begin(0)
    with pytest.raises(WorkerError, match="3 workers died one after another before their first"):
        queue.died(0)


@given(st.integers(0, 12), st.integers(1, 4), st.sets(st.integers(0, 11)), st.integers(0, 10_000))
def test_every_question_is_answered_once_or_given_up_with_a_poisonous_clip(
    count: int, workers: int, poison: set[int], seed: int
) -> None:
    """Workers that read ahead, answer when they like, and die of poisonous clips or for nothing."""
    draw = random.Random(seed)
    asked, bad = clips(count), {f"c{n}" for n in poison}
    queue = Dispatcher(asked, attempts=2)
    holding: dict[int, list[Clip]] = {}
    answered: list[str] = []
    given_up: list[str] = []
    accidents = 2
    for _ in range(100_000):
        if queue.done:
            break
        worker = draw.randrange(workers)
        if worker not in holding:
            if queue.begin(worker):
                holding[worker] = []
            continue
        clip = queue.next(worker) if len(holding[worker]) < 3 else None
        if clip is not None:
            holding[worker].append(clip)
        elif not holding[worker]:
            queue.ended(worker)
            del holding[worker]
        elif holding[worker][0].id in bad or (accidents and draw.random() < 0.1):
            accidents -= holding[worker][0].id not in bad and accidents > 0
            given_up += [q.key for c in queue.died(worker) for q in c.questions]
            del holding[worker]
        else:
            answered += answer(queue, worker, holding[worker].pop(0))
    assert queue.done
    assert len(answered) == len(set(answered))
    assert sorted(answered + given_up) == sorted(q.key for c in asked for q in c.questions)
    assert {key.partition("q")[0] for key in given_up} >= bad & {c.id for c in asked}
    assert len({key.partition("q")[0] for key in given_up} - bad) <= 1, "an accident may hit twice"
