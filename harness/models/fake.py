"""A backend without a model: answers from a table or a rule, so that all else can be tested fast.

It also fails, dawdles and dies on request, which real models do only when nobody is looking.
"""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from harness.errors import RequestError
from harness.task import LETTERS
from harness.types import Answer, Decoding, Failure, Prompt, Question, WatchedClip


@dataclass(frozen=True)
class Fake:
    """Answers without looking.

    ``answers`` (question id → text) come first; for all other questions ``rule`` decides:
    ``first`` (the first option), ``gold`` (the right one), ``right:P`` (the right one for a
    share P of the questions, drawn from their ids), ``hash`` (an option drawn from the id) or
    ``constant:TEXT``. Options are answered by letter, open questions by ``yes`` or ``no``.

    ``failures`` (question id → reason) fail; ``delay`` is seconds per question; after
    ``crash_after`` answers the process kills itself with SIGKILL, as a machine that loses power.
    Raises RequestError when the rule is unknown.
    """

    rule: str = "first"
    answers: Mapping[str, str] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    crash_after: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        name, _, argument = self.rule.partition(":")
        known = (name in {"first", "gold", "hash"} and not argument) or name == "constant"
        if name == "right":
            known = argument.replace(".", "", 1).isdigit() and 0 <= float(argument) <= 1
        if not known:
            raise RequestError(
                f"backend.rule={self.rule!r} is not a rule: "
                "write first, gold, hash, right:P (0 to 1) or constant:TEXT"
            )

    def identity(self) -> dict[str, object]:
        """What decides the answers (delays, failures and crashes do not)."""
        return {"rule": self.rule, "answers": dict(self.answers), "seed": self.seed}

    @property
    def frame_size(self) -> None:
        """Frames are not looked at, whatever their size."""

    def count(self, prompts: Sequence[Prompt], frames: int) -> None:
        """No tokens to count."""

    def needs(self, frames: int) -> None:
        """No context and no memory to plan for."""

    def answer(
        self, clips: Iterable[WatchedClip], decoding: Decoding
    ) -> Iterator[Answer | Failure]:
        """One answer (or failure) for every prompt, in order."""
        answered = 0
        for clip in clips:
            for prompt in clip.prompts:
                if answered == self.crash_after:
                    os.kill(os.getpid(), signal.SIGKILL)
                time.sleep(self.delay)
                yield self._answer(prompt.question, decoding)
                answered += 1

    def _answer(self, question: Question, decoding: Decoding) -> Answer | Failure:
        if question.id in self.failures:
            return Failure(question.id, self.failures[question.id], self.delay)
        text = self.answers.get(question.id)
        if text is None:
            text = self._by_rule(question)
        if not decoding.letters:
            return Answer(question.id, text, seconds=self.delay)
        certain = {letter: float(letter == text) for letter in _choices(question)}
        return Answer(question.id, text, "letters", self.delay, certain)

    def _by_rule(self, question: Question) -> str:
        name, _, argument = self.rule.partition(":")
        choices = _choices(question)
        match name:
            case "constant":
                return argument
            case "first":
                return choices[0]
            case "hash":
                return choices[int(self._draw(question, "choice") * len(choices))]
        right = question.gold or ""
        if name == "gold" or self._draw(question, "right") < float(argument):
            return right
        wrong = [choice for choice in choices if choice != right]
        return wrong[int(self._draw(question, "wrong") * len(wrong))]

    def _draw(self, question: Question, purpose: str) -> float:
        """A number in [0, 1) from the question's id: the same in any order, on any machine."""
        digest = hashlib.sha256(f"{self.seed}/{purpose}/{question.id}".encode()).digest()
        return int.from_bytes(digest[:7], "big") / 2**56


def _choices(question: Question) -> list[str]:
    return list(LETTERS[: len(question.options)]) or ["yes", "no"]
