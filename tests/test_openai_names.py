"""A clip's frames are sent once and named after that: nothing is lost where they are not known."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from harness.models.openai.asking import TRIES
from harness.models.openai.client import BROKEN
from harness.types import Frames, Response
from tests.bad_server import Answer, said
from tests.served import always, ask, quick, sample  # noqa: F401

VIDEO, PER_FRAME = 5, 4
MISS = {"error": {"message": "Cache miss for video at index 0 but data is not provided."}}


@dataclass
class Memory:
    """A server that keeps frames by name as vLLM does. ``forgets``: it keeps none, and
    says ``miss`` to their names; ``blind``: it
    answers without the frames that it does not know; ``silent``: it gives no token ids."""

    forgets: bool = False
    miss: Answer = field(default_factory=lambda: Answer(MISS, 400))
    blind: bool = False
    silent: bool = False
    kept: set[str] = field(default_factory=set)
    brought: list[str] = field(default_factory=list)
    named: list[str] = field(default_factory=list)

    def __call__(self, request: dict[str, Any], number: int) -> Answer:
        video = request["messages"][0]["content"][0]
        name = video.get("uuid", "")
        seen = True
        if video["video_url"] is None:
            self.named.append(name)
            seen = name in self.kept
            if not seen and not self.blind:
                return self.miss
        else:
            self.brought.append(name)
            if not self.forgets:
                self.kept.add(name)
        ids = [1, *[VIDEO] * (3 * PER_FRAME * seen), 9, 9]
        more = {} if self.silent else {"prompt_token_ids": ids}
        return Answer(said("A" if seen else "B", **more))


def answers(memory: Memory, clips: int = 6, **given: Any) -> list[str]:
    results, _ = ask(memory, *(sample(n) for n in range(clips)), dialect="vllm", **given)
    assert len(results) == 3 * clips
    assert all(isinstance(result, Response) for result in results.values())
    return [result.text for result in results.values() if isinstance(result, Response)]


def test_frames_are_sent_once_a_clip() -> None:
    memory = Memory()
    assert set(answers(memory)) == {"A"}
    assert len(memory.brought) == len(set(memory.brought)) == 6
    assert len(memory.named) == 12
    assert set(memory.named) == set(memory.brought)


@pytest.mark.parametrize("memory", [Memory(forgets=True), Memory(forgets=True, blind=True)])
def test_frames_that_the_server_does_not_know_are_sent_again(memory: Memory) -> None:
    """And all of them, once it has shown that it keeps none; an answer without them is none."""
    assert set(answers(memory, clips=9, in_flight=1)) == {"A"}
    assert len(memory.brought) == 27
    assert len(memory.named) == TRIES


MISSES = [
    Answer(MISS, 500),
    Answer({"error": {"message": "Internal Server Error"}}, 500),
    Answer(b"no JSON"),
]


@pytest.mark.parametrize("miss", MISSES)
def test_a_server_that_breaks_down_over_a_name_is_asked_so_once(miss: Answer) -> None:
    """More of these than end a run when frames are sent with them."""
    memory = Memory(forgets=True, miss=miss)
    assert set(answers(memory, clips=BROKEN + 2, attempts=1)) == {"A"}
    assert len(memory.brought) == 3 * (BROKEN + 2)
    memory = Memory(forgets=True, miss=miss)
    answers(memory, clips=9, in_flight=1)
    assert (len(memory.brought), len(memory.named)) == (27, TRIES)


FILTERED = said("", finish="content_filter")
REFUSALS = [
    Answer(FILTERED | {"prompt_token_ids": [1, *[VIDEO] * (3 * PER_FRAME), 9, 9]}),
    Answer({"error": {"message": "the prompt is against our rules"}}, 400),
    Answer({"error": {"message": "too much to do"}}, 503),
]


@pytest.mark.parametrize("refusal", REFUSALS)
def test_only_frames_that_are_not_known_speak_against_names(refusal: Answer) -> None:
    """Any other refusal has the question asked once more, with its frames, and is not counted."""
    memory = Memory()

    def refuse(request: dict[str, Any], number: int) -> Answer:
        found = memory(request, number)
        named = request["messages"][0]["content"][0]["video_url"] is None
        return refusal if named else found

    results, _ = ask(refuse, *(sample(n) for n in range(9)), dialect="vllm", in_flight=1)
    assert [r.text for r in results.values() if isinstance(r, Response)] == ["A"] * 27
    assert (len(memory.brought), len(memory.named)) == (27, 18)


def test_names_are_for_servers_that_can_be_checked() -> None:
    memory = Memory(silent=True)
    assert set(answers(memory)) == {"A"}
    assert (len(memory.brought), memory.named) == (18, [])


def test_names_can_be_left_out() -> None:
    memory = Memory()
    answers(memory, send_once=False)
    assert (memory.brought, memory.named) == ([""] * 18, [])


def test_other_servers_are_sent_no_names() -> None:
    _, server = ask(always(Answer(said())), sample(), dialect="openai")
    sent = [part for request in server.asked for part in request["messages"][0]["content"]]
    assert len([part for part in sent if part["type"] == "image_url"]) == 9
    assert not any("uuid" in part for part in sent)


def test_a_clips_questions_come_before_the_next_clips() -> None:
    """They wait for their first and go to the front then: what it brought is still there."""
    memory = Memory()
    _, server = ask(memory, *(sample(n) for n in range(8)), dialect="vllm", in_flight=1)
    clips = [text.rpartition(" ")[2] for text in server.texts()]
    assert clips == sorted(clips)


def test_frames_that_look_alike_have_other_names_at_other_times() -> None:
    """vLLM keeps frames with the times that they came with (``uuid`` is all it looks at): blank
    ones of two clips, or of a run that tells no times, must not be given each other's."""
    blank = np.zeros((3, 32, 48, 3), np.uint8)
    times = [0.0, 0.5, 1.25], [0.0, 0.5, 1.25], [0.0, 2.0, 4.0]
    clips = [replace(sample(n), frames=Frames(blank, np.array(t))) for n, t in enumerate(times)]
    told, untold = Memory(), Memory()
    ask(told, *clips, dialect="vllm", in_flight=1)
    ask(untold, *clips, dialect="vllm", in_flight=1, tell_times=False)
    one, same, later = told.brought
    assert one == same != later
    assert len(set(untold.brought)) == 1
    assert not {*untold.brought, *untold.named} & {*told.brought, *told.named}
