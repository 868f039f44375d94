"""A model without weights: responses from a table or a rule, so that all else is tested fast.

On request it also fails, is slow, or kills its process, for tests of what happens then.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from harness.errors import RequestError
from harness.scoring.options import LETTERS
from harness.types import JSON, Failure, Generation, Prompt, Question, Response, Sample, Usage

_SHARE = re.compile(r"\d+(\.\d*)?|\.\d+", re.ASCII)


@dataclass(frozen=True)
class Fake:
    """Responds without looking.

    ``answers`` (a prompt's key or its question's id → text) come first; for all other questions
    ``rule`` decides: ``first`` (the first option), ``target`` (the right one; ``gold`` means the
    same), ``right:P`` (the right one for a share P of the questions, drawn from their ids),
    ``hash`` (an option drawn from the id) or ``constant:TEXT``. Options are answered by letter;
    an open question by ``yes`` or ``no``, or where its rule says so by its target: the text itself,
    the first of several references, all else as JSON.

    ``failures`` (key or id → reason) fail; ``delay`` is seconds per question; after ``crash_after``
    responses, and at the questions ``crash_on``, the process kills itself with SIGKILL, as a
    machine that loses power. Raises RequestError when the rule is unknown.
    """

    rule: str = "first"
    answers: Mapping[str, str] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    crash_after: int | None = None
    crash_on: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        name, _, argument = self.rule.partition(":")
        known = name in {"first", "target", "gold", "hash"} and not argument
        known = known or name == "constant"
        if name == "right":
            known = bool(_SHARE.fullmatch(argument)) and float(argument) <= 1
        if not known:
            raise RequestError(
                f"backend.rule={self.rule!r} is not a rule: "
                "write first, target, hash, right:P (0 to 1) or constant:TEXT"
            )
        if self.delay < 0:
            raise RequestError(f"backend.delay={self.delay}: write seconds, 0 or more")

    def identity(self) -> dict[str, JSON]:
        """What decides the responses (delays, failures and crashes do not)."""
        return {"rule": self.rule, "answers": dict(self.answers), "seed": self.seed}

    def generate(
        self, samples: Iterable[Sample], generation: Generation
    ) -> Iterator[Response | Failure]:
        """One response (or failure) for every prompt, in order."""
        done = 0
        for sample in samples:
            for prompt in sample.prompts:
                if done == self.crash_after or prompt.question.id in self.crash_on:
                    os.kill(os.getpid(), signal.SIGKILL)
                if self.delay:  # to sleep for 0 s still gives the core away: 100,000 times a minute
                    time.sleep(self.delay)
                yield self._respond(prompt, generation)
                done += 1

    def _respond(self, prompt: Prompt, generation: Generation) -> Response | Failure:
        question = prompt.question
        if reason := self.failures.get(prompt.key, self.failures.get(question.id)):
            return Failure(prompt.key, "model", reason, self.delay)
        text = self.answers.get(prompt.key, self.answers.get(question.id))
        if text is None:
            text = self._by_rule(question)
        if not generation.letters:
            usage = Usage(len(prompt.text.split()), len(text.split()))
            return Response(prompt.key, text, usage=usage, seconds=self.delay)
        certain = {letter: float(letter == text) for letter in _choices(question)}
        return Response(
            prompt.key, text, finish="letters", seconds=self.delay, probabilities=certain
        )

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
        right = _spelled(question.target)
        if name in {"target", "gold"} or self._draw(question, "right") < float(argument):
            return right
        wrong = [choice for choice in choices if choice != right] or choices
        return wrong[int(self._draw(question, "wrong") * len(wrong))]

    def _draw(self, question: Question, purpose: str) -> float:
        """A number in [0, 1) from the question's id: the same in any order, on any machine."""
        digest = hashlib.sha256(f"{self.seed}/{purpose}/{question.id}".encode()).digest()
        return int.from_bytes(digest[:7], "big") / 2**56


def _choices(question: Question) -> list[str]:
    return list(LETTERS[: len(question.options)]) or ["yes", "no"]


def _spelled(target: JSON) -> str:
    """A target as a response would say it; empty where the labels are hidden."""
    if target is None:
        return ""
    if isinstance(target, list | tuple) and target and all(isinstance(t, str) for t in target):
        return str(target[0])
    return target if isinstance(target, str) else json.dumps(target, ensure_ascii=False)
