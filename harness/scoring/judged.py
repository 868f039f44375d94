"""Scorers that ask a judge: what it is asked, and what its replies are worth.

``rule`` "default" reads a reply as a careful human would (``harness.scoring.judge_replies``); any
other name is a source's own rule, bug for bug (``harness.scoring.judge_rules``). The scorers of
single benchmarks (``SumScorer``, ``StructuredScorer``, ``GradeScorer``) are written in
``harness.scoring.judged_kinds``; here is where all are named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.errors import JudgeError
from harness.scoring import judge_rules
from harness.scoring.judge_prompts import fill, judge_prompt, named
from harness.scoring.judge_replies import NO, YES, rating, verdict
from harness.scoring.judge_slots import COMPANIONS, Bounded, asked, slots
from harness.scoring.judged_kinds import GradeScorer, StructuredScorer, SumScorer
from harness.types import Prompt, Question, Response, Score

__all__ = [
    "Axis",
    "Bounded",
    "GradeScorer",
    "RatingScorer",
    "StructuredScorer",
    "SumScorer",
    "YesNoScorer",
]


@dataclass(frozen=True)
class YesNoScorer:
    """Yes or no, and mostly a score: values "accuracy" (0 or 1) and "score" (0 to ``high``).

    ``system`` and ``user`` name prompts of ``judge_prompts``. ``scored`` is False where the judge
    gives no score. Raises RequestError for an unknown rule or prompt.
    """

    user: str
    system: str = ""
    rule: str = "default"
    scored: bool = True
    high: float = 5.0
    yes: tuple[str, ...] = YES
    no: tuple[str, ...] = NO

    def __post_init__(self) -> None:
        judge_rules.check_rule(self.rule, judge_rules.YES_NO)
        for name in filter(None, (self.system, self.user)):
            named(name)

    @property
    def value_names(self) -> tuple[str, ...]:
        """ "accuracy", and "score" where the rule or the judge gives one."""
        return ("accuracy", "score") if self.scored or self.rule != "default" else ("accuracy",)

    def bounds(self, question: Question) -> Mapping[str, tuple[float, float]]:
        """Wrong or right; the score is the judge's taste."""
        return {"accuracy": (0.0, 1.0)}

    def judge_prompts(self, question: Question, response: Response) -> Sequence[Prompt]:
        """One."""
        system = named(self.system) if self.system else ""
        return [judge_prompt("verdict", system, fill(named(self.user), slots(question, response)))]

    def score_judged(self, question: Question, response: Response, replies: Sequence[str]) -> Score:
        """ "accuracy" and "score". Raises JudgeError for a reply that says neither."""
        (reply,) = replies
        if self.rule != "default":
            return Score(judge_rules.YES_NO[self.rule](reply), response.text, reply)
        right, _ = verdict(reply, self.yes, self.no)
        values = {"accuracy": float(right)}
        if self.scored:
            values["score"] = rating(reply, high=self.high)[0]
        return Score(values, response.text, reply)


@dataclass(frozen=True)
class Axis:
    """One thing that is rated: ``name`` of the value, and its prompts."""

    name: str
    user: str
    system: str = ""


@dataclass(frozen=True)
class RatingScorer:
    """Ratings from ``low`` to ``high`` on one or several axes, a call each.

    ``axes`` are by the value of the question's group ``by``; without ``by`` they are under "all".
    A response of fewer than ``shortest`` characters is rated ``low`` without a call (lnext: 2).
    A question with a companion (Video-ChatGPT's consistency) is judged with both responses:
    its metadata names the other's id under "pair", holds what that one asks under "pair_question"
    and this one's place, 1 or 2, under "place".
    ``same_question`` shows the first question twice, as the sources did until 2024-03.
    """

    axes: Mapping[str, tuple[Axis, ...]]
    by: str = ""
    rule: str = "default"
    low: float = 0.0
    high: float = 5.0
    shortest: int = 0
    same_question: bool = False

    def __post_init__(self) -> None:
        judge_rules.check_rule(self.rule, judge_rules.SCORES)
        for axis in (axis for axes in self.axes.values() for axis in axes):
            for name in filter(None, (axis.system, axis.user)):
                named(name)

    @property
    def value_names(self) -> tuple[str, ...]:
        """Every axis."""
        return tuple(dict.fromkeys(axis.name for axes in self.axes.values() for axis in axes))

    def companions(self, question: Question) -> Sequence[str]:
        """The other question of a pair, if any."""
        pair = question.metadata.get("pair")
        return [str(pair)] if pair else []

    def bounds(self, question: Question) -> Mapping[str, tuple[float, float]]:
        """From ``low`` to ``high`` on every axis."""
        return {axis.name: (self.low, self.high) for axis in self._axes(question)}

    def judge_prompts(self, question: Question, response: Response) -> Sequence[Prompt]:
        """One an axis; none for a response that is too short."""
        if len(response.text.strip()) < self.shortest and not question.metadata.get("pair"):
            return []
        values = slots(question, response) | self._pair(question, response)
        return [
            judge_prompt(
                axis.name, named(axis.system) if axis.system else "", fill(named(axis.user), values)
            )
            for axis in self._axes(question)
        ]

    def score_judged(self, question: Question, response: Response, replies: Sequence[str]) -> Score:
        """A value an axis. Raises JudgeError when one reply cannot be read: none is kept then."""
        axes = self._axes(question)
        if not replies:
            return Score(
                {axis.name: self.low for axis in axes}, response.text, "too short to judge"
            )
        values = {axis.name: self._read(reply) for axis, reply in zip(axes, replies, strict=True)}
        return Score(values, response.text, "\n".join(replies))

    def _read(self, reply: str) -> float:
        if self.rule == "default":
            return rating(reply, low=self.low, high=self.high)[0]
        return judge_rules.SCORES[self.rule](reply)["score"]

    def _axes(self, question: Question) -> tuple[Axis, ...]:
        kinds = question.groups.get(self.by, ()) if self.by else ("all",)
        found = next((self.axes[kind] for kind in kinds if kind in self.axes), None)
        if found is None:
            raise JudgeError(f"{question.id}: no axis is rated for {self.by}={', '.join(kinds)}")
        return found

    def _pair(self, question: Question, response: Response) -> dict[str, str]:
        pair = question.metadata.get("pair")
        if not pair:
            return {}
        others = question.metadata.get(COMPANIONS)
        other = others.get(str(pair)) if isinstance(others, Mapping) else None
        if other is None:
            raise JudgeError(f"{question.id}: the other question of its pair has no response")
        mine = (asked(question), response.text)
        theirs = (str(question.metadata["pair_question"]), str(other))
        first, second = (mine, theirs) if question.metadata.get("place") == 1 else (theirs, mine)
        return {
            "question1": first[0],
            "question2": first[0] if self.same_question else second[0],
            "pred1": first[1],
            "pred2": second[1],
        }
