"""What a judge will be asked, before anything is: calls and tokens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.errors import JudgeError
from harness.run.judge_calls import prompt_hash
from harness.run.judge_controls import KINDS, SHARE
from harness.run.judge_options import Price
from harness.run.judging import GENERATION
from harness.scoring.judge_slots import COMPANIONS, target
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
    price: Price | None = None

    @property
    def controls(self) -> int:
        """Calls for the controls: a share, in small runs one of each kind."""
        return max(int(SHARE * self.calls), min(len(KINDS), self.calls))

    @property
    def most(self) -> float | None:
        """What all of it costs at most, controls included; None without a price."""
        if self.price is None:
            return None
        more = 1 + self.controls / self.calls if self.calls else 0.0
        written = self.calls * self.new * self.price.written
        return more * (self.tokens * self.price.read + written) / 1_000_000

    def __str__(self) -> str:
        said = (
            f"judge: up to {self.calls:,} calls and {self.controls:,} for its controls, "
            f"about {self.tokens:,} tokens read and at most {self.new} written each"
        )
        return said if self.most is None else f"{said}: at most about {self.most:,.2f} by its price"


def judge_cost(
    scorer: object, questions: Iterable[Question], price: Price | None = None
) -> JudgeCost | None:
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
    return JudgeCost(len(lengths), sum(lengths.values()) // CHARACTERS, price=price)
