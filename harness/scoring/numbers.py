"""Answers that are numbers: VSI-Bench's mean relative accuracy, exact counts."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from harness.errors import RequestError
from harness.names import unknown
from harness.types import Question, Response, Score

THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""How close is close: 0.5, 0.55 … 0.95."""

WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen", "twenty",
)  # fmt: skip

NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\d])")


def mean_relative_accuracy(said: float, target: float) -> float:
    r"""The share of ``THRESHOLDS`` θ for which \|said - target\| / target ≤ 1 - θ.

    thinking-in-space@51e089c, lmms_eval/tasks/vsibench/utils.py. ``target`` is above 0.
    """
    return float(np.mean(abs(said - target) / target <= 1 - THRESHOLDS))


def the_number(text: str) -> float | None:
    """The one number that a response gives, in digits or (up to twenty) as a word.

    None when there is none, or several different ones of which none stands at the start.
    """
    found = [float(number.replace(",", "")) for number in NUMBER.findall(text)]
    if not found:
        words = [word for word in re.findall(r"[a-z]+", text.lower()) if word in WORDS]
        found = [float(WORDS.index(word)) for word in words]
    if not found:
        return None
    opens = re.match(r"\s*[*\"'(]*[-+]?[\d.]", text) is not None
    return found[0] if opens or len(set(found)) == 1 else None


def first_token_number(text: str) -> float | None:
    """VSI-Bench's own rule: the text before the first blank, without dots at its end.

    thinking-in-space@51e089c: "3 chairs" is 3, "about 3" and "three" are nothing.
    """
    try:
        value = float(text.split(" ")[0].rstrip(".").strip())
    except ValueError:
        return None
    return value if math.isfinite(value) else None


RULES = {"default": the_number, "vsibench": first_token_number}


@dataclass(frozen=True)
class NumberScorer:
    """Graded by ``mean_relative_accuracy`` under the metric ``name``; the target is a number.

    ``exact`` asks for the very number instead (counts): 1 or 0. ``rule`` is whose rule reads the
    response. Raises RequestError for an unknown one.
    """

    rule: str = "default"
    name: str = "accuracy"
    exact: bool = False

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise RequestError(f"task.scorer.rule={self.rule}: {unknown(self.rule, RULES)}")

    @property
    def value_names(self) -> tuple[str, ...]:
        """``name`` alone."""
        return (self.name,)

    def score(self, question: Question, response: Response) -> Score:
        """No values where no number can be read, or where the target is hidden."""
        said = RULES[self.rule](response.text)
        if said is None or question.target is None:
            return Score({}, said)
        target = float(str(question.target))
        worth = float(said == target) if self.exact else mean_relative_accuracy(said, target)
        return Score({self.name: worth}, said)

    def problem(self, question: Question) -> str | None:
        """A target that is no number above 0."""
        if question.target is None:
            return None
        try:
            value = float(str(question.target))
        except ValueError:
            return f"its answer {question.target!r} is no number"
        return None if self.exact or value > 0 else f"its answer {value:g} is not above 0"


@dataclass(frozen=True)
class FirstTokenScorer:
    """VSI-Bench's own rule for letters: the first token, without dots at its end, is the letter.

    thinking-in-space@51e089c: "B. chair" is B, "(B)" and "The answer is B" are wrong.
    """

    name: str = "accuracy"

    @property
    def value_names(self) -> tuple[str, ...]:
        """``name`` alone."""
        return (self.name,)

    def score(self, question: Question, response: Response) -> Score:
        """Always 0 or 1, as there; no values where the target is hidden."""
        said = response.text.split(" ")[0].rstrip(".").strip()
        if question.target is None:
            return Score({}, said)
        return Score({self.name: float(said.lower() == str(question.target).lower())}, said)

    def chance(self, question: Question) -> Mapping[str, float] | None:
        """One in so many options."""
        return {self.name: 1 / len(question.options)} if question.options else None
