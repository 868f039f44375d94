"""What a judge will be asked, before anything is: calls and tokens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.names import several
from harness.run.judge_calls import prompt_hash
from harness.run.judge_controls import KINDS, SHARE
from harness.run.judge_options import Price
from harness.run.judging import GENERATION
from harness.scoring.judge_slots import COMPANIONS, Continued, Foreseeing, target
from harness.types import JudgedScorer, Question, Response

CHARACTERS = 4
"""Of English a token, roughly: the judge's own tokenizer may not be here."""


@dataclass(frozen=True)
class JudgeCost:
    """``calls`` at most, of which rules may decide some and equal ones be made once; ``first`` of
    them for the few responses that are controls whatever they cost; about ``tokens`` read, with
    responses as long as the right answers, and at most ``response`` more each; ``new`` written at
    most, each. ``more`` of the calls, at most, follow from replies: their prompts are taken to be
    as long as the others. ``continued``: nobody knows how many more will follow."""

    calls: int
    tokens: int
    new: int = GENERATION.max_new_tokens
    price: Price | None = None
    first: int = len(KINDS)
    response: int = 0
    more: int = 0
    continued: bool = False

    @property
    def controls(self) -> int:
        """Calls for the controls at most: a share, in small runs one response of each kind."""
        return max(int(SHARE * self.calls), min(self.first, self.calls))

    @property
    def most(self) -> float | None:
        """What all of it costs at most, controls included; None without a price."""
        if self.price is None:
            return None
        more = 1 + self.controls / self.calls if self.calls else 0.0
        written = self.calls * self.new * self.price.written
        read = (self.tokens + self.calls * self.response) * self.price.read
        return more * (read + written) / 1_000_000

    def __str__(self) -> str:
        said = (
            f"judge: up to {several(self.calls, 'call')} and {self.controls:,} for its controls, "
            f"about {self.tokens:,} tokens read and at most {self.new} written each"
        )
        if self.more:
            said += f"; up to {self.more:,} of the calls only follow from its replies"
        if self.continued:
            said += "; more calls may follow from its replies"
        return said if self.most is None else f"{said}: at most about {self.most:,.2f} by its price"


def judge_cost(
    scorer: object,
    questions: Iterable[Question],
    price: Price | None = None,
    response: int = 0,
) -> JudgeCost | None:
    """None where no judge is asked. Every asking counts, though the right answers to two may be the
    same: the responses need not be. A response has at most ``response`` tokens. Of calls that
    follow from earlier replies the most count, where the scorer knows it (``Foreseeing``)."""
    if not isinstance(scorer, JudgedScorer):
        return None
    foreseen = scorer if isinstance(scorer, Foreseeing) else None
    lengths: dict[tuple[object, ...], int] = {}
    counts: list[int] = []
    follow: list[int] = []
    for question in questions:
        try:
            said = f"It is {target(question)}."
            asked = _accompanied(question, said)
            prompts = scorer.judge_prompts(asked, Response(question.key, said))
        except Exception:  # noqa: BLE001  # its label is hidden, or its scorer has a bug: see Case
            continue
        pair = str(question.metadata.get("pair", question.id))  # two that may be one call
        asking = (min(pair, question.id), question.rotation, question.repeat)
        lengths |= {(*asking, prompt_hash(prompt)): len(prompt.text) for prompt in prompts}
        follow.append(foreseen.most_more(asked) if prompts and foreseen else 0)
        counts.append(len(prompts) + follow[-1])
    more, about = sum(follow), sum(lengths.values()) // CHARACTERS
    first = sum(sorted(counts, reverse=True)[: len(KINDS)])
    return JudgeCost(
        len(lengths) + more,
        about + (more * about // len(lengths) if more else 0),
        price=price,
        first=first,
        response=response,
        more=more,
        continued=isinstance(scorer, Continued) and foreseen is None,
    )


def _accompanied(question: Question, said: str) -> Question:
    """The question with such a response to the other of its pair beside it."""
    beside = {COMPANIONS: {str(question.metadata.get("pair")): said}}
    return Question(
        question.id, question.text, question.options, question.target, question.groups,
        dict(question.metadata) | beside,
    )  # fmt: skip
