"""The judged scorers of single benchmarks; ``harness.scoring.judged`` is where they are named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.errors import JudgeError
from harness.scoring import judge_rules
from harness.scoring.judge_prompts import fill, judge_prompt, named
from harness.scoring.judge_replies import fields, rating
from harness.scoring.judge_slots import slots
from harness.scoring.options import LETTERS
from harness.types import Prompt, Question, Response, Score


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
        judge_rules.check_rule(self.rule, ("mlvu",))

    @property
    def value_names(self) -> tuple[str, ...]:
        """ "score", and both parts of every kind but by the official rule."""
        return ("score", *dict.fromkeys(key for kind in self.kinds.values() for key in kind[2:]))

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
        """ "score", the sum, and both parts under their keys. Raises JudgeError without either."""
        (reply,) = replies
        _, _, first, second = self._kind(question)
        if self.rule == "mlvu":
            return Score(judge_rules.mlvu_official(reply, (first, second)), response.text, reply)
        given = fields(reply, (first, second)).values
        if missing := [key for key in (first, second) if key not in given]:
            # not left to ``rating``: it takes the only number of a reply, which is the other part
            raise JudgeError(f"the judge's reply has no {', '.join(missing)}: {reply[:120]!r}")
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

    @property
    def value_names(self) -> tuple[str, ...]:
        """ "accuracy"."""
        return ("accuracy",)

    def bounds(self, question: Question) -> Mapping[str, tuple[float, float]]:
        """Wrong or right."""
        return {"accuracy": (0.0, 1.0)}

    def judge_prompts(self, question: Question, response: Response) -> Sequence[Prompt]:
        """One; the options stand in it where there are any."""
        kind = next(iter(question.groups.get(self.by, ())), "")
        if kind not in self.systems:
            raise JudgeError(f"{question.id}: no judge prompt for {self.by}={kind}")
        lines = "".join(f"{LETTERS[i]}: {text}\n" for i, text in enumerate(question.options))
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
        judge_rules.check_rule(self.rule, ("videoevalpro",))
        named(self.user)

    @property
    def value_names(self) -> tuple[str, ...]:
        """ "accuracy"."""
        return ("accuracy",)

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
        for place, word in enumerate(self.words):
            letter = LETTERS[place]
            if said in (letter, word, f"{letter}:_{word}", f"{letter}._{word}"):
                return letter
        letters = ", ".join(LETTERS[: len(self.words)])
        raise JudgeError(f"the judge's reply is none of {letters}: {reply[:120]!r}")


for _scorer in (SumScorer, StructuredScorer, GradeScorer):
    # where runs and task files find them: an identity holds the name, so it stays
    _scorer.__module__ = "harness.scoring.judged"
