"""Open answers compared with one or several references, without a judge."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.errors import RequestError
from harness.names import unknown
from harness.types import Question, Response, Score

ARTICLES = re.compile(r"\b(?:a|an|the)\b")
KEYS = (
    "could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result ", "are ",
    "in total ", "total ", "identify ", "recognize ", "calculated as ", "counted as ",
    "measured as ", "observed as ", "concluded as ", "found to be ", "equals ",
    "determined to be ", "number of ", "value is ", "adds up to ", "have ", "has ",
)  # fmt: skip
"""Video-MMMU's key phrases: MMMU's own eight, and its eighteen."""
MARKS = (":", ",", ".", "!", "?", ";", "'")
NUMBERS = (
    r"-?\b\d{1,3}(?:,\d{3})+\b",
    r"-?\d+(?:\.\d+)?[eE][+-]?\d+",
    r"-?(?:\d+\.\d+|\.\d+|\d+\b)(?![eE][+-]?\d+)(?![,\d])",
)


def references(question: Question) -> list[str]:
    """The right answers as texts; none where they are hidden."""
    target = question.target
    if target is None or isinstance(target, Mapping):
        return []
    return [str(item) for item in target] if isinstance(target, list | tuple) else [str(target)]


def plain(text: str) -> str:
    """Lower case, without articles, punctuation and repeated blanks; numbers keep their point."""
    text = re.sub(r"(?<!\d)[^\w\s]|[^\w\s](?!\d)", " ", text.lower())
    return " ".join(ARTICLES.sub(" ", text).split())


def exact(response: str, target: str) -> bool:
    """The same text but for case, articles and punctuation. A blank one is never right."""
    said = plain(response)
    return bool(said) and said == plain(target)


def mmmu_open(response: str, target: str) -> bool:
    """MMMU's rule for open answers, as Video-MMMU uses it: "right" when the target is *contained*.

    EvolvingLMMs-Lab/VideoMMMU@88b4ac3e, lmms_eval/tasks/videommmu/utils.py (lmms-eval@75571cfe has
    the same), from MMMU-Benchmark/MMMU, with more key phrases. Known defects: "I do not know" holds
    "no", "1,042" holds 42, "Yes, the slope is positive" is cut down to "positive".
    """
    candidates: set[str | float] = set()
    for tail in _tails(response):
        candidates |= set(_normal(tail))
        for pattern in NUMBERS:
            for number in re.findall(pattern, tail):
                candidates |= set(_normal(number))
    for gold in _normal(target):
        for said in candidates:
            if gold == said or (isinstance(gold, str) and isinstance(said, str) and gold in said):
                return True
    return False


def _tails(response: str) -> list[str]:
    """The shortest text after a key phrase, of every sentence that has one; else all of it."""
    text = response.strip().strip(".").lower()
    # the text is in lower case: where a capital would end a sentence there, only new lines do
    *lines, last = text.split("\n")
    found = [_shortest(line, KEYS) for line in lines] + [_shortest(last, (*KEYS, "="))]
    return [tail for tail in found if tail and tail not in MARKS] or [text]


def _shortest(sentence: str, keys: Sequence[str]) -> str:
    """The shortest text after one of ``keys``. A blank one is the shortest only until the next."""
    shortest = ""
    for key in keys:
        if key in sentence:
            tail = sentence.split(key)[-1].strip()
            if not shortest or len(tail) < len(shortest):
                shortest = tail
    return shortest


def _normal(text: str) -> list[str | float]:
    """A number rounded to 2 decimals, or the text; a single letter needs a blank beside it."""
    text = text.strip()
    try:
        return [round(float(text.replace(",", "")), 2)]
    except ValueError:
        pass
    text = text.lower()
    return [f" {text}", f"{text} "] if len(text) == 1 else [text]


RULES = {"default": exact, "mmmu": mmmu_open}


@dataclass(frozen=True)
class ReferenceScorer:
    """1 when the response is one of the references by a named rule, else 0, under ``name``.

    A blank response has no values: it answers nothing. Raises RequestError for an unknown rule.
    """

    rule: str = "default"
    name: str = "accuracy"

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise RequestError(f"task.scorer.rule={self.rule}: {unknown(self.rule, RULES)}")

    @property
    def value_names(self) -> tuple[str, ...]:
        """``name`` alone."""
        return (self.name,)

    def score(self, question: Question, response: Response) -> Score:
        """No values for a blank response, or where the target is hidden."""
        known = references(question)
        if not known or not response.text.strip():
            return Score({}, response.text or None)
        right = any(RULES[self.rule](response.text, target) for target in known)
        return Score({self.name: float(right)}, response.text)
