"""What a judged scorer may be asked beside its prompts, and the values that its prompts hold.

A target may be a list of references: the judge is shown the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from harness.errors import JudgeError
from harness.types import Prompt, Question, Response

COMPANIONS = "companion_responses"
"""Under this key of ``Question.metadata`` the judge stage lays other questions' responses."""


@runtime_checkable
class Accompanied(Protocol):
    """A judged scorer that needs the responses to other questions too. Optional.

    The judge stage puts them, by id, under ``COMPANIONS`` in the question's metadata.
    """

    def companions(self, question: Question) -> Sequence[str]:
        """The ids of these other questions."""
        ...


@runtime_checkable
class Continued(Protocol):
    """A judged scorer whose later prompts follow from earlier replies. Optional."""

    def more_prompts(
        self, question: Question, response: Response, replies: Sequence[str]
    ) -> Sequence[Prompt]:
        """What else to ask, given all replies so far; none: that was all. Raises JudgeError."""
        ...


@runtime_checkable
class Foreseeing(Protocol):
    """A ``Continued`` scorer that knows how many prompts may follow. Optional: for the plan."""

    def most_more(self, question: Question) -> int:
        """How many prompts ``more_prompts`` asks for at most, over all rounds."""
        ...


@runtime_checkable
class Bounded(Protocol):
    """A judged scorer that says what the best and worst answers score. Optional: for controls."""

    def bounds(self, question: Question) -> Mapping[str, tuple[float, float]]:
        """(worst, best) of every value that a wrong or right answer decides."""
        ...


def target(question: Question) -> str:
    """The right answer as text. Raises JudgeError where the label is hidden."""
    gold = question.target
    if isinstance(gold, list | tuple) and gold:
        gold = gold[0]
    if gold is None or isinstance(gold, list | tuple | Mapping):
        raise JudgeError(f"{question.id}: has no right answer to judge by")
    return str(gold)


def asked(question: Question) -> str:
    """The question as the judge is shown it: ``judge_question`` of its metadata, else its text."""
    return str(question.metadata.get("judge_question", question.text))


def slots(question: Question, response: Response) -> dict[str, str]:
    """The values of {question}, {answer} and {pred}."""
    return {"question": asked(question), "answer": target(question), "pred": response.text}
