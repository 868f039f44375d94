"""Multiple choice: a named rule reads a letter, the letter is right or wrong."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from harness.errors import RequestError
from harness.names import unknown
from harness.scoring.extractors import EXTRACTORS, VERDICTS, option_text
from harness.scoring.options import LETTERS
from harness.types import Question, Response, Score


@dataclass(frozen=True)
class ChoiceScorer:
    """1 for the right option's letter, 0 for a wrong one, under the metric ``name``.

    ``extractor`` is a name of ``harness.scoring.extractors.EXTRACTORS``: whose rule reads a letter.
    Where its source compares the response with the right option instead, that verdict decides. A
    question asked without its options is read by their texts alone: a letter would say nothing.
    Raises RequestError for an unknown extractor.
    """

    extractor: str = "default"
    name: str = "accuracy"

    def __post_init__(self) -> None:
        if self.extractor not in EXTRACTORS:
            raise RequestError(
                f"task.scorer.extractor={self.extractor}: {unknown(self.extractor, EXTRACTORS)}"
            )

    @property
    def value_names(self) -> tuple[str, ...]:
        """``name`` alone."""
        return (self.name,)

    def score(self, question: Question, response: Response) -> Score:
        """No values where no letter can be read, or where the label is hidden."""
        if question.options_hidden:
            return self._scored(question, option_text(response.text, question.options))
        read = EXTRACTORS[self.extractor](response.text, question.options)
        verdict = VERDICTS.get(self.extractor)
        target = question.target
        if verdict is None or not isinstance(target, str):
            return self._scored(question, read)
        if verdict(response.text, question.options, target):
            return Score({self.name: 1.0}, target)
        return Score({self.name: 0.0}, read)

    def chance(self, question: Question) -> Mapping[str, float] | None:
        """One in so many options."""
        return {self.name: 1 / len(question.options)} if question.options else None

    def problem(self, question: Question) -> str | None:
        """No options, more than letters, two that are equal, or a target that is no letter of them.

        Equal options stand as published where a published rule reads the responses.
        """
        count = len(question.options) or len(question.option_images)
        if count == 0:
            return None if question.target is None else "it has no options"  # nothing to score
        if count > len(LETTERS):
            return f"it has {count} options; up to {len(LETTERS)} (A to {LETTERS[-1]}) can be asked"
        texts = [option.strip() for option in question.options]
        twice = None
        if len(set(texts)) < len(texts):
            twice = next(text for text, times in Counter(texts).items() if times > 1)
        if twice is not None and self.extractor == "default":
            return f"two of its options are equal: {twice!r}"
        target = question.target
        if target is None or target in tuple(LETTERS[:count]):
            return None
        if not isinstance(target, bool) and re.fullmatch(r"-?\d+(\.\d+)?", str(target)):
            return (
                f"its answer {target!r} is a number: a letter or an option's text is needed (a "
                "place counted from 0 is read from the field answer_index)"
            )
        return (
            f"its answer {target!r} is neither a letter from A to {LETTERS[count - 1]} nor the "
            "text of exactly one option"
        )

    def _scored(self, question: Question, read: str | None) -> Score:
        if read is None or question.target is None:
            return Score({}, read)
        return Score({self.name: float(read == question.target)}, read)
