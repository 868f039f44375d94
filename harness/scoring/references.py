"""Open answers compared with one or several references, without a judge."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from harness.errors import RequestError
from harness.names import unknown
from harness.types import Question, Response, Score

ARTICLES = re.compile(r"\b(?:a|an|the)\b")
KEYS = ("could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result ")
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

    EvolvingLMMs-Lab/VideoMMMU@88b4ac3e, from MMMU-Benchmark/MMMU eval/utils/eval_utils.py. Known
    defects: "I do not know" holds "no", "1,042" holds 42, "Yes, the slope is positive" is cut down
    to "positive".
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
    found: list[str] = []
    # the text is in lower case already: only new lines end a sentence, as there
    sentences = re.split(r"\.\s(?=[A-Z])|\n", text)
    for place, sentence in enumerate(sentences):
        keys = (*KEYS, "=") if place == len(sentences) - 1 else KEYS
        tails = [sentence.split(key)[-1].strip() for key in keys if key in sentence]
        tails = [tail for tail in tails if tail]
        if tails and (shortest := min(tails, key=len)) not in MARKS:
            found.append(shortest)
    return found or [text]


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

    def score(self, question: Question, response: Response) -> Score:
        """No values for a blank response, or where the target is hidden."""
        known = references(question)
        if not known or not response.text.strip():
            return Score({}, response.text or None)
        right = any(RULES[self.rule](response.text, target) for target in known)
        return Score({self.name: float(right)}, response.text)
