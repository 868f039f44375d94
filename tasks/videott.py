"""Video-TT: 1,000 short films, each with one open question and four that put it otherwise.

Zhang et al. 2025, arXiv 2507.15028, lmms-lab/video-tt. Splits as lmms-eval 75571cfe reads
them: test (multiple choice), test_no_leading_oe, test_paraphrased_oe, test_correct_leading_oe,
test_wrong_leading_oe, and test_all. Eighteen capabilities. The paper's robustness score compares
the five askings of a video; how test_all marks them, and the score's formula, were not seen: here
each split is a protocol of its own, and there is no robustness score.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.prompts import PromptTemplate
from harness.scoring.judge_prompts import fill, judge_prompt, named
from harness.scoring.judge_replies import rating
from harness.scoring.judge_slots import slots
from harness.scoring.subtitles import Cue
from harness.task import Row, Task, gold_letter, split_options
from harness.types import Clip, Part, Prompt, Question, Response, Score, Text

ENOUGH = 3
"""From this score on an open answer is right."""


@dataclass(frozen=True)
class VideoTT(Task):
    """Rows of lmms-lab/video-tt: options stand in the question, ``question_prompt`` follows it."""

    kind: Literal["choice", "open"] = "choice"

    def clip(self, row: Row) -> Clip:
        """The whole film."""
        name = str(row["video_id"])
        return Clip(name, self.source.video(name))

    def question(self, row: Row) -> Question:
        """Group: capability. A judge is shown the question alone."""
        text, options = str(row["question"]).strip(), tuple[str, ...]()
        target: str | None = str(row["answer"])
        if self.kind == "choice":
            text, options = split_options(text)
            target = gold_letter(row["answer"], options, "letter")
        id = str(row.get("qid") or row.get("question_id") or row["place"])
        metadata = {"closing": str(row["question_prompt"])}
        return Question(id, text, options, target, row.groups("capability"), metadata=metadata)


@dataclass(frozen=True)
class ClosingPrompt(PromptTemplate):
    """The template, then the row's own ``question_prompt`` and an end of line."""

    def _text(self, question: Question, cues: Sequence[Cue], times: Sequence[float]) -> list[Part]:
        closing = Text(f"{question.metadata.get('closing', '')}\n")
        *before, last = super()._text(question, cues, times)
        joined = Text(last.text + closing.text) if isinstance(last, Text) else closing
        return [*before, joined]


@dataclass(frozen=True)
class EnoughScorer:
    """Values "score" (0 to 5) and "accuracy": the score is at least 3, whatever yes or no is said.

    lmms-eval@75571cfe, lmms_eval/tasks/video-tt/gpt_utils.py: one turn that joins Video-ChatGPT's
    two texts, and ``rule`` "lmms", where any reply that is no Python dict is 0.
    """

    rule: Literal["default", "lmms"] = "default"
    system: str = "activitynetqa_system"
    user: str = "activitynetqa_user"

    @property
    def value_names(self) -> tuple[str, ...]:
        """ "accuracy" and "score"."""
        return ("accuracy", "score")

    def bounds(self, question: Question) -> Mapping[str, tuple[float, float]]:
        """Wrong or right; the score is the judge's taste."""
        return {"accuracy": (0.0, 1.0)}

    def judge_prompts(self, question: Question, response: Response) -> Sequence[Prompt]:
        """One."""
        user = named(self.system) + fill(named(self.user), slots(question, response))
        return [judge_prompt("verdict", "", user)]

    def score_judged(self, question: Question, response: Response, replies: Sequence[str]) -> Score:
        """ "accuracy" and "score". Raises JudgeError for a reply without a score."""
        (reply,) = replies
        score = lmms_rating(reply) if self.rule == "lmms" else rating(reply)[0]
        return Score({"accuracy": float(score >= ENOUGH), "score": score}, response.text, reply)


def lmms_rating(reply: str) -> float:
    """The key "score" of the reply as a Python dict, 0 for anything else."""
    try:
        return float(ast.literal_eval(reply).get("score", 0))
    except (ValueError, SyntaxError, TypeError, AttributeError, MemoryError, RecursionError):
        return 0.0
