"""What a judge will be asked, before anything is: calls and tokens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.errors import JudgeError
from harness.run.judge_calls import prompt_hash
from harness.run.judge_controls import SHARE
from harness.run.judging import GENERATION
from harness.scoring.judged import COMPANIONS, target
from harness.types import JudgedScorer, Question, Response

CHARACTERS = 4
"""Of English a token, roughly: the judge's own tokenizer may not be here."""


@dataclass(frozen=True)
class JudgeCost:
    """``calls`` at most (the same prompt counts once), of which rules may decide some; about
    ``tokens`` read, with responses as long as the right answers; ``new`` written at most, each."""

    calls: int
    tokens: int
    new: int = GENERATION.max_new_tokens

    def __str__(self) -> str:
        return (
            f"judge: up to {self.calls:,} calls and {int(SHARE * self.calls):,} for its controls, "
            f"about {self.tokens:,} tokens read and at most {self.new} written each"
        )


def judge_cost(scorer: object, questions: Iterable[Question]) -> JudgeCost | None:
    """None where no judge is asked. Calls that follow from earlier replies are not counted."""
    if not isinstance(scorer, JudgedScorer):
        return None
    lengths: dict[str, int] = {}
    for question in questions:
        try:
            said = f"It is {target(question)}."
            beside = {COMPANIONS: {str(question.metadata.get("pair")): said}}
            asked = Question(
                question.id, question.text, question.options, question.target, question.groups,
                dict(question.metadata) | beside,
            )  # fmt: skip
            prompts = scorer.judge_prompts(asked, Response(question.key, said))
        except JudgeError:
            continue  # its label is hidden: nothing to ask
        lengths |= {prompt_hash(prompt): len(prompt.text) for prompt in prompts}
    return JudgeCost(len(lengths), sum(lengths.values()) // CHARACTERS)
