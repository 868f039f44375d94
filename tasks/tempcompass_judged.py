"""TempCompass with all four formats: a judge for captioning and for what the rules do not read.

Liu et al. 2024, arXiv 2403.00476, github.com/llyx97/TempCompass (e1b46316). Captioning (2,004) is
judged by a multiple-choice question about the caption, so the headline is the board's "Avg. All"
over 7,540 questions. The authors' judge is gpt-3.5-turbo-1106 at temperature 1; an empty reply
there adds -1 to the sum, a reply that is neither Correct nor Incorrect counts 0 after ten tries.
Here both are unscored; ``rule: official`` reads a reply as they do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.errors import JudgeError
from harness.scoring.choice import ChoiceScorer
from harness.scoring.judge_prompts import fill, judge_prompt, named
from harness.scoring.judge_rules import tempcompass_caption, tempcompass_fallback
from harness.task import Row
from harness.types import Prompt, Question, Response, Score
from tasks.tempcompass import TempCompass

SYSTEM = "You are an AI assistant for question answering."
KINDS = {
    "multi-choice": ("tempcompass_multi_choice_evaluation_prompt", "Multi-Choice Question"),
    "yes_no": ("tempcompass_yes_no_evaluation_prompt", "Yes/No Question"),
    "caption_matching": (
        "tempcompass_caption_matching_evaluation_prompt",
        "Caption Matching Question",
    ),
}


@dataclass(frozen=True)
class TempCompassAll(TempCompass):
    """Rows in the schema of lmms-eval/TempCompass, each with its kind under ``config``."""

    def question(self, row: Row) -> Question:
        """A captioning question's target is the right option's line, "B. running"."""
        if row["config"] != "captioning":
            return super().question(row)
        return Question(
            str(row["place"]),
            str(row["question"]),
            target=str(row["mc_answer"]).strip(),
            groups={"kind": ("captioning",), **row.groups("dim")},
            metadata={"mc_question": str(row["mc_question"]).strip()},
        )


@dataclass(frozen=True)
class TempCompassScorer:
    """Value "accuracy": by ``extractor`` where it reads a letter, else by the judge."""

    extractor: str = "tempcompass"
    rule: Literal["default", "official"] = "default"

    @property
    def value_names(self) -> tuple[str, ...]:
        """ "accuracy"."""
        return ("accuracy",)

    def judge_prompts(self, question: Question, response: Response) -> Sequence[Prompt]:
        """None where the rule decides."""
        kind = _kind(question)
        if kind == "captioning":
            values = {"pred": response.text, "mc_question": str(question.metadata["mc_question"])}
            user = named("tempcompass_caption_evaluation_prompt") + fill(
                named("tempcompass_captioning_user_tail"), values
            )
            return [judge_prompt("caption", SYSTEM, user)]
        if self._by_rule(question, response).values:
            return []
        base, label = KINDS[kind]
        user = (
            f"{named(base)}\n{label}:\n{_asked(question)}\nGround-Truth Answer: {_gold(question)}"
            f"\nModel Prediction: {response.text}"
        )
        return [judge_prompt("fallback", SYSTEM, user)]

    def score_judged(self, question: Question, response: Response, replies: Sequence[str]) -> Score:
        """Raises JudgeError for a reply that says neither."""
        if not replies:
            return self._by_rule(question, response)
        (reply,) = replies
        if _kind(question) == "captioning":
            official = self.rule == "official"
            gold = str(question.target)
            worth = tempcompass_caption(reply, gold) if official else caption(reply, gold)
        else:
            worth = tempcompass_fallback(reply) if self.rule == "official" else correct(reply)
        return Score({"accuracy": worth}, response.text, reply)

    def bounds(self, question: Question) -> Mapping[str, tuple[float, float]]:
        """Of a caption nothing is known beforehand: the right option is no caption."""
        return {} if _kind(question) == "captioning" else {"accuracy": (0.0, 1.0)}

    def _by_rule(self, question: Question, response: Response) -> Score:
        return ChoiceScorer(self.extractor).score(question, response)


def caption(reply: str, gold: str) -> float:
    """Whether the judge chose the option ``gold`` ("B. running"), as a careful human reads it.

    "Answer: (B) running", "**Answer: B**" and "Option B" are B; "None of the choices are correct"
    is wrong. Raises JudgeError for no option or several.
    """
    text = re.sub(r"[*`]", "", reply).strip()
    answer = re.split(r"answer\s*(?:is)?\s*:", text, flags=re.IGNORECASE)[-1].strip()
    if re.search(r"\bnone of the (?:choices|options)\b", answer, re.IGNORECASE):
        return 0.0
    opening = re.match(r"(?:option\s+)?\(?([A-D])\b[).:]?", answer)
    letters = [opening[1]] if opening else re.findall(r"\b([A-D])[.):]", answer)
    if len(set(letters)) == 1:
        return float(letters[0] == gold[:1])
    option = gold.split(". ", 1)[-1].strip().lower()
    if not letters and answer.lower().strip(" .") == option.strip(" ."):
        return 1.0
    raise JudgeError(f"the judge's reply names {len(set(letters))} options: {reply[:120]!r}")


def correct(reply: str) -> float:
    """Whether the judge found the prediction correct; "not correct" is incorrect.

    Raises JudgeError for neither, or both without one of them opening the reply.
    """
    text = re.sub(r"\bnot correct\b", "incorrect", re.sub(r"[*`]", "", reply).strip().lower())
    said = re.findall(r"\b(?:in)?correct\b", text)
    opening = re.match(r"(in)?correct\b", text)
    if opening or len(set(said)) == 1:
        return float((opening[0] if opening else said[0]) == "correct")
    raise JudgeError(f"the judge's reply is neither Correct nor Incorrect: {reply[:120]!r}")


def _kind(question: Question) -> str:
    kind = "".join(question.groups.get("kind", ()))
    if kind != "captioning" and kind not in KINDS:
        raise JudgeError(f"{question.id}: no judge prompt for the kind {kind!r}")
    return kind


def _asked(question: Question) -> str:
    """The question with its options' lines, as the rows have it."""
    labelled = "caption_matching" in question.groups.get("kind", ())
    if question.options in ((), ("yes", "no")):
        return question.text
    lines = question.options if labelled else tuple(
        f"{chr(65 + place)}. {text}" for place, text in enumerate(question.options)
    )  # fmt: skip
    return "\n".join((question.text, *lines))


def _gold(question: Question) -> str:
    """The right answer as the rows have it."""
    place = ord(str(question.target)) - 65
    text = question.options[place]
    return text if "multi-choice" not in question.groups["kind"] else f"{question.target}. {text}"
