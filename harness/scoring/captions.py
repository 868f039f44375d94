"""Captions against references: words, ROUGE-L, and CIDEr over a corpus.

CIDEr and ROUGE-L are pycocoevalcap 1.2's (extra [captions]); its PTB tokenizer needs Java, so the
words are made here, by the rules of it that captions meet (tests hold its own output).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from harness.errors import RequestError
from harness.scoring.references import references
from harness.types import Question, Response, Score

WORD = re.compile(
    r"n't\b|'(?:s|re|ve|ll|d|m)\b"  # clitics
    r"|(?:mr|mrs|ms|dr|st|vs|etc)\."  # abbreviations keep their full stop
    r"|(?:[^\W\d_]\.){2,}"  # u.s.
    r"|\d+(?:[.,:/]\d+)*(?:st|nd|rd|th|s)?\b"  # 3, 1,000, 2:30, 1/2, 3rd
    r"|[^\W_]+(?:[-/][^\W_]+)*"  # words, also with hyphens
    r"|-[lr][rc]b-|[&$%#@+=*]"
)
"""What PTB's rules make a token, without the marks that pycocoevalcap drops (. , ! ? : ; - ' …)."""

SPLIT = {"cannot": "can not", "gonna": "gon na", "gotta": "got ta", "wanna": "wan na"}
BRACKETS = {"(": " -lrb- ", ")": " -rrb- ", "{": " -lcb- ", "}": " -rcb- "}
"""pycocoevalcap means to drop these too, but lists them in capitals, after lowering the text."""


def words(text: str) -> list[str]:
    """Lower-case tokens without punctuation: "isn't it (so)?" is is, n't, it, -lrb-, so, -rrb-."""
    text = text.lower().replace("’", "'")
    for mark, name in BRACKETS.items():
        text = text.replace(mark, name)
    found = WORD.findall(re.sub(r"(\w)n't\b", r"\1 n't", text))
    return [part for token in found for part in SPLIT.get(token, token).split()]


def cider(responses: Sequence[str], known: Sequence[Sequence[str]]) -> list[float]:
    """Each response's CIDEr (0..10) against its references, their rarity counted over all of them.

    A single item has no rarity to count: 0, even for an exact copy. Raises RequestError without
    the package.
    """
    if not responses:
        return []
    scorer = _package("pycocoevalcap.cider.cider_scorer").CiderScorer(n=4, sigma=6.0)
    for response, golds in zip(responses, known, strict=True):
        scorer += " ".join(words(response)), [" ".join(words(gold)) for gold in golds]
    return [float(value) for value in scorer.compute_score()[1]]


@dataclass(frozen=True)
class CaptionScorer:
    """Value "rouge_l" (0..1), of a response alone. CIDEr is a metric: ``corpus_metrics.Cider``."""

    @property
    def value_names(self) -> tuple[str, ...]:
        """ "rouge_l"."""
        return ("rouge_l",)

    def score(self, question: Question, response: Response) -> Score:
        """No values for a blank response, or where the target is hidden."""
        golds = [" ".join(words(gold)) for gold in references(question)]
        said = " ".join(words(response.text))
        if not golds or not said:
            return Score({}, said or None)
        rouge = _package("pycocoevalcap.rouge.rouge").Rouge().calc_score([said], golds)
        return Score({"rouge_l": float(rouge)}, said)

    def chance(self, question: Question) -> Mapping[str, float] | None:
        """Guessing has no meaning here."""
        return None


def _package(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise RequestError(
            "caption metrics need the package pycocoevalcap: "
            "install harness with its extra [captions]"
        ) from error
