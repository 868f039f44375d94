"""Another scorer for each kind of question: a benchmark that asks for letters and for numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.errors import DataError
from harness.types import Guessing, Naming, Question, Response, Score, Scorer


@dataclass(frozen=True)
class ByGroup:
    """``scorers`` by the value of the question's group ``by``.

    Raises DataError for a question of another kind.
    """

    by: str
    scorers: Mapping[str, Scorer]

    @property
    def value_names(self) -> tuple[str, ...] | None:
        """Those of all the scorers; None where one does not say."""
        known: dict[str, None] = {}
        for scorer in self.scorers.values():
            names = scorer.value_names if isinstance(scorer, Naming) else None
            if names is None:
                return None
            known |= dict.fromkeys(names)
        return tuple(known)

    def score(self, question: Question, response: Response) -> Score:
        """By the question's own scorer."""
        return self._of(question).score(question, response)

    def chance(self, question: Question) -> Mapping[str, float] | None:
        """Where the question's own scorer knows it."""
        scorer = self._of(question)
        return scorer.chance(question) if isinstance(scorer, Guessing) else None

    def _of(self, question: Question) -> Scorer:
        kinds = question.groups.get(self.by, ())
        for kind in kinds:
            if kind in self.scorers:
                return self.scorers[kind]
        raise DataError(
            f"{question.id}: {self.by} is {', '.join(kinds) or 'missing'}, "
            f"but is scored for {', '.join(self.scorers)} only"
        )
