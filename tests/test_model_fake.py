"""The fake backend: every rule, every mishap, and the same answers in any order."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.errors import RequestError
from harness.models.fake import Fake
from harness.types import (
    JSON,
    Clip,
    Failure,
    Frames,
    Generation,
    Prompt,
    Question,
    Response,
    Sample,
    Text,
    Turn,
    Usage,
)


def sample(*questions: Question) -> Sample:
    frames = Frames(np.zeros((2, 4, 4, 3), np.uint8), np.array([0.0, 1.0]))
    prompts = tuple(Prompt(q, (Turn("user", (Text(q.text),)),)) for q in questions)
    return Sample(Clip("c", Path("c.mp4"), questions), None, frames, prompts)


QUESTIONS = [
    Question(f"q{i}", "What?", ("red", "blue", "green", "grey"), "ABCD"[i % 4]) for i in range(400)
]


def texts(fake: Fake, *questions: Question) -> dict[str, str]:
    out = {}
    for result in fake.generate([sample(*questions)], Generation()):
        assert isinstance(result, Response)
        out[result.question] = result.text
    return out


def test_the_table_comes_before_the_rule() -> None:
    fake = Fake("constant:B", answers={"q1": "The answer is C."})
    assert texts(fake, *QUESTIONS[:3]) == {"q0": "B", "q1": "The answer is C.", "q2": "B"}


def test_first_and_target() -> None:
    assert set(texts(Fake("first"), *QUESTIONS).values()) == {"A"}
    assert texts(Fake("target"), *QUESTIONS) == {q.id: q.target for q in QUESTIONS}
    assert texts(Fake("gold"), *QUESTIONS) == {q.id: q.target for q in QUESTIONS}


def test_hash_draws_every_option_and_forgets_the_order() -> None:
    forward = texts(Fake("hash"), *QUESTIONS)
    assert forward == texts(Fake("hash"), *reversed(QUESTIONS))
    assert {*forward.values()} == {"A", "B", "C", "D"}
    assert forward != texts(Fake("hash", seed=1), *QUESTIONS)


def test_right_is_right_for_its_share() -> None:
    answers = texts(Fake("right:0.7"), *QUESTIONS)
    right = sum(answers[q.id] == q.target for q in QUESTIONS)
    assert 0.63 * 400 < right < 0.77 * 400


def test_open_questions_and_hidden_labels() -> None:
    question = Question("open", "Is it raining?")
    assert texts(Fake("first"), question) == {"open": "yes"}
    assert texts(Fake("gold"), question) == {"open": ""}


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("a red ball", "a red ball"),
        (["a red ball", "the ball"], "a red ball"),
        (12.5, "12.5"),
        ([[0.5, 2.0], [3, 4]], "[[0.5, 2.0], [3, 4]]"),
    ],
)
def test_open_targets_are_said_as_text_or_json(target: JSON, text: str) -> None:
    assert texts(Fake("target"), Question("open", "What?", target=target)) == {"open": text}


def test_repeats_are_found_by_key_and_by_id() -> None:
    question = Question("q", "What?", ("red", "blue"), "A")
    again = dataclasses.replace(question, repeat=1)
    fake = Fake(answers={"q": "A", again.key: "B"})
    assert texts(fake, question, again) == {"q": "A", again.key: "B"}


def test_letters_come_with_probabilities() -> None:
    [answer] = Fake("gold").generate([sample(QUESTIONS[1])], Generation(letters=True))
    assert isinstance(answer, Response)
    assert (answer.finish, answer.probabilities) == ("letters", {"A": 0, "B": 1, "C": 0, "D": 0})


def test_a_failure_has_its_reason() -> None:
    fake = Fake(failures={"q0": "the GPU fell over"})
    first, second = fake.generate([sample(*QUESTIONS[:2])], Generation())
    assert first == Failure("q0", "model", "the GPU fell over")
    assert second == Response("q1", "A", usage=Usage(2, 1))


def test_it_dies_after_so_many_answers() -> None:
    script = (
        "from test_model_fake import *\n"
        "for answer in Fake(crash_after=2).generate([sample(*QUESTIONS)], Generation()):\n"
        "    print(answer.question, flush=True)\n"
    )
    here = Path(__file__).parent
    path = {"PYTHONPATH": f"{here}:{here.parent}", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=path)
    assert done.returncode == -signal.SIGKILL
    assert done.stdout.split() == ["q0", "q1"]


@pytest.mark.parametrize("rule", ["", "last", "first:2", "right:", "right:2", "right:x"])
def test_an_unknown_rule_is_refused(rule: str) -> None:
    with pytest.raises(RequestError, match="is not a rule: write first"):
        Fake(rule)


def test_only_what_decides_answers_is_its_identity() -> None:
    assert Fake(delay=1, crash_after=3).identity() == Fake().identity()
    assert Fake("gold").identity() != Fake().identity()


def test_what_is_no_share_or_delay_is_refused_and_one_option_is_enough() -> None:
    for rule in ("right:²", "right:", "right:1.5", "right:0.5.5"):
        with pytest.raises(RequestError, match="is not a rule"):
            Fake(rule)
    with pytest.raises(RequestError, match=r"backend\.delay=-1"):
        Fake(delay=-1)
    only = Question("q", "What?", ("red",), "A")
    assert texts(Fake("right:0"), only) == {"q": "A"}
