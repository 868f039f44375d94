"""Scorers that ask a judge: what it is asked, and what its replies are worth.

``rule`` "default" reads a reply as a careful human would (``harness.scoring.judge_replies``); any
other name is a source's own rule, bug for bug (``harness.scoring.judge_rules``). A target may be a
list of references: the judge is shown the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from harness.errors import JudgeError, RequestError
from harness.scoring import judge_rules
from harness.scoring.judge_prompts import fill, judge_prompt, named
from harness.scoring.judge_replies import NO, YES, fields, rating, verdict
from harness.types import Prompt, Question, Response, Score

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
        _check_rule(self.rule, judge_rules.YES_NO)
        for name in filter(None, (self.system, self.user)):
            named(name)

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
    its metadata names the other's id under "pair" and says which comes first under "place".
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
        _check_rule(self.rule, judge_rules.SCORES)
        for axis in (axis for axes in self.axes.values() for axis in axes):
            for name in filter(None, (axis.system, axis.user)):
                named(name)

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
        theirs = (str(question.metadata.get("pair_question", "")), str(other))
        first, second = (mine, theirs) if question.metadata.get("place") == 1 else (theirs, mine)
        return {
            "question1": first[0],
            "question2": first[0] if self.same_question else second[0],
            "pred1": first[1],
            "pred2": second[1],
        }


@dataclass(frozen=True)
class SumScorer:
    """Two sub-scores of 1 to 5 in one reply, added: MLVU's generation tasks, value "score" (2-10).

    ``kinds`` gives, by the question's group ``by``, the prompts and the two keys:
    (system, user, first key, second key). ``rule`` "mlvu" is the official search for the keys.
    Slots beyond the usual: {scoring_points}, the Python list of the question's metadata.
    """

    kinds: Mapping[str, tuple[str, str, str, str]]
    by: str = "task_type"
    rule: str = "default"

    def __post_init__(self) -> None:
        _check_rule(self.rule, ("mlvu",))

    def _kind(self, question: Question) -> tuple[str, str, str, str]:
        for value in question.groups.get(self.by, ()):
            if value in self.kinds:
                return self.kinds[value]
        raise JudgeError(f"{question.id}: no judge prompt for its {self.by}")

    def bounds(self, question: Question) -> Mapping[str, tuple[float, float]]:
        """The sum of two scores of 1 to 5."""
        return {"score": (2.0, 10.0)}

    def judge_prompts(self, question: Question, response: Response) -> Sequence[Prompt]:
        """One."""
        system, user, _, _ = self._kind(question)
        points = question.metadata.get("scoring_points") or []
        values = slots(question, response) | {"scoring_points": repr(list(points))}  # type: ignore[arg-type]
        return [judge_prompt("scores", named(system), fill(named(user), values))]

    def score_judged(self, question: Question, response: Response, replies: Sequence[str]) -> Score:
        """ "score", the sum, and both parts under their keys."""
        (reply,) = replies
        _, _, first, second = self._kind(question)
        if self.rule == "mlvu":
            return Score(judge_rules.mlvu_official(reply, (first, second)), response.text, reply)
        parts = {key: rating(reply, key, 1.0, 5.0)[0] for key in (first, second)}
        return Score({"score": sum(parts.values()), **parts}, response.text, reply)


@dataclass(frozen=True)
class StructuredScorer:
    """MMVU's judge: {"extracted_answer": …, "correct": …}; value "accuracy".

    ``systems`` are by the group ``by`` ("multiple-choice", "open-ended"). yale-nlp/MMVU@4d54223d,
    utils/eval_utils.py counts a failed judgement as wrong; here it is unscored.
    """

    user: str = "mmvu_judge_user"
    systems: Mapping[str, str] = field(
        default_factory=lambda: {
            "multiple-choice": "mmvu_judge_mc_system",
            "open-ended": "mmvu_judge_open_system",
        }
    )
    by: str = "question_type"

    def bounds(self, question: Question) -> Mapping[str, tuple[float, float]]:
        """Wrong or right."""
        return {"accuracy": (0.0, 1.0)}

    def judge_prompts(self, question: Question, response: Response) -> Sequence[Prompt]:
        """One; the options stand in it where there are any."""
        kind = next(iter(question.groups.get(self.by, ())), "")
        if kind not in self.systems:
            raise JudgeError(f"{question.id}: no judge prompt for {self.by}={kind}")
        lines = "".join(f"{chr(65 + i)}: {text}\n" for i, text in enumerate(question.options))
        options = f"Options:\n{lines}\n" if lines else ""
        user = fill(named(self.user), slots(question, response) | {"options": options})
        return [judge_prompt("verdict", named(self.systems[kind]), user)]

    def score_judged(self, question: Question, response: Response, replies: Sequence[str]) -> Score:
        """ "accuracy". Raises JudgeError when the reply has no ``correct``."""
        (reply,) = replies
        read = fields(reply, ("correct",)).values
        said = read.get("correct")
        if isinstance(said, str):
            said = {"true": True, "false": False}.get(said.strip().lower())
        if not isinstance(said, bool):
            raise JudgeError(
                f"the judge's reply has no true or false under correct: {reply[:120]!r}"
            )
        answer = read.get("extracted_answer")
        return Score({"accuracy": float(said)}, None if answer is None else str(answer), reply)


@dataclass(frozen=True)
class GradeScorer:
    """A letter grade, of which one is right: VideoEval-Pro's A (correct), B, C. Value "accuracy".

    ``words`` are what the letters stand for, in order; the reply may be either.
    """

    user: str = "videoevalpro_user"
    words: tuple[str, ...] = ("CORRECT", "INCORRECT", "NOT_ATTEMPTED")
    right: str = "A"
    rule: str = "default"

    def __post_init__(self) -> None:
        _check_rule(self.rule, ("videoevalpro",))
        named(self.user)

    def bounds(self, question: Question) -> Mapping[str, tuple[float, float]]:
        """Wrong or right."""
        return {"accuracy": (0.0, 1.0)}

    def judge_prompts(self, question: Question, response: Response) -> Sequence[Prompt]:
        """One."""
        return [judge_prompt("grade", "", fill(named(self.user), slots(question, response)))]

    def score_judged(self, question: Question, response: Response, replies: Sequence[str]) -> Score:
        """ "accuracy". Raises JudgeError for anything but one grade."""
        (reply,) = replies
        if self.rule == "videoevalpro":
            return Score(judge_rules.videoevalpro(reply), response.text, reply)
        grade = self._grade(reply)
        return Score({"accuracy": float(grade == self.right)}, response.text, reply)

    def _grade(self, reply: str) -> str:
        said = reply.split("</think>")[-1].strip(" \t\n\"'.*`()").upper().replace(" ", "_")
        letters = [chr(65 + place) for place in range(len(self.words))]
        for letter, word in zip(letters, self.words, strict=True):
            if said in (letter, word, f"{letter}:_{word}", f"{letter}._{word}"):
                return letter
        raise JudgeError(f"the judge's reply is none of {', '.join(letters)}: {reply[:120]!r}")


@dataclass(frozen=True)
class JudgedByGroup:
    """Another scorer for each value of the group ``by``, judged or not."""

    by: str
    scorers: Mapping[str, object]

    def _of(self, question: Question) -> object:
        for value in question.groups.get(self.by, ()):
            if value in self.scorers:
                return self.scorers[value]
        raise JudgeError(f"{question.id}: no scorer for its {self.by}")

    def bounds(self, question: Question) -> Mapping[str, tuple[float, float]]:
        """Those of the question's own scorer."""
        scorer = self._of(question)
        return scorer.bounds(question) if isinstance(scorer, Bounded) else {}

    def judge_prompts(self, question: Question, response: Response) -> Sequence[Prompt]:
        """The prompts of the question's own scorer; none where it needs no judge."""
        scorer = self._of(question)
        ask = getattr(scorer, "judge_prompts", None)
        return ask(question, response) if ask else []

    def score_judged(self, question: Question, response: Response, replies: Sequence[str]) -> Score:
        """The score by the question's own scorer."""
        scorer = self._of(question)
        judge = getattr(scorer, "score_judged", None)
        result = judge(question, response, replies) if judge else scorer.score(question, response)  # type: ignore[attr-defined]
        assert isinstance(result, Score)
        return result


def _check_rule(rule: str, known: Mapping[str, object] | Sequence[str]) -> None:
    if rule != "default" and rule not in known:
        raise RequestError(f"task.scorer.rule={rule}: use one of default, {', '.join(known)}")
