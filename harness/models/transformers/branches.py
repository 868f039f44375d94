"""One clip's questions on their way to responses: what each has been given, and what came of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from harness.models import thinking
from harness.models.transformers.packing import Row
from harness.models.transformers.sampling import Sampler, is_greedy
from harness.models.transformers.written import Written
from harness.types import Failure, Generation, Prompt, Response, Sample, Usage


@dataclass(eq=False)
class Branch:
    """One question: its prompt's tokens, what was generated, and why it stopped.

    ``position`` [axes] is the next token's; ``cached`` counts the prompt's tokens that another
    question had computed; ``cache`` is its own where caches are copied.
    """

    written: Written
    limit: int
    output_ids: list[int] = field(default_factory=list)
    finish: str = ""
    seconds: float = 0.0
    cached: int = 0
    position: NDArray[np.int64] = field(default_factory=lambda: np.zeros((), np.int64))
    cache: Any = None
    probabilities: dict[str, float] | None = None
    first_logits: torch.Tensor | None = None
    _sampler: Sampler | None = None

    @property
    def prompt(self) -> Prompt:
        """What is asked."""
        return self.written.prompt

    @property
    def place(self) -> int:
        """The place in its own sequence of the token generated last."""
        return len(self.written.tokens) + len(self.output_ids) - 1

    def append(
        self, logits: torch.Tensor, greedy: int, generation: Generation, stops: Collection[int]
    ) -> None:
        """Appends the next token, from its logits [vocab]; ``greedy`` is the most likely one."""
        if not self.output_ids and self.first_logits is None:
            self.first_logits = logits
        if self.written.letters is not None:
            self._compare(logits)
            return
        token = greedy if is_greedy(generation) else self._draw(logits, generation)
        if token in stops:
            self.finish = "stop"
            return
        self.output_ids.append(token)
        if len(self.output_ids) >= self.limit:
            self.finish = "length"

    def response(self, tokenizer: Any) -> Response:
        """The finished branch as a response."""
        thought, text, closed = "", "", True
        if self.probabilities is not None:
            text = max(self.probabilities, key=self.probabilities.__getitem__)
        else:
            thought, text, closed = _read(self.output_ids, self.written.opened, tokenizer)
        return Response(
            self.prompt.key,
            text,
            thinking=thought,
            finish=self.finish if closed else "thinking",
            usage=Usage(len(self.written.tokens), len(self.output_ids), self.cached),
            seconds=self.seconds,
            probabilities=self.probabilities,
            told_times=self.written.told_times,
            notes=self.written.notes,
        )

    def _compare(self, logits: torch.Tensor) -> None:
        """Each letter's probability, over all tokens that say it ("A" and " A")."""
        likely = logits.float().log_softmax(-1)
        self.probabilities = {
            letter: round(float(likely[list(tokens)].logsumexp(-1).exp()), 6)
            for letter, tokens in (self.written.letters or {}).items()
        }
        self.finish = "letters"

    def _draw(self, logits: torch.Tensor, generation: Generation) -> int:
        if self._sampler is None:
            self._sampler = Sampler(generation, self.prompt.key, self.written.tokens.tolist())
        return self._sampler.next(logits, self.output_ids)


def _read(output: Sequence[int], opened: bool, tokenizer: Any) -> tuple[str, str, bool]:
    """Generated tokens as (thinking, answer, whether the thinking was closed)."""
    text = str(tokenizer.decode(output, skip_special_tokens=True)).strip()
    spelled = str(tokenizer.decode(output, skip_special_tokens=False))
    if not opened and not thinking.holds(spelled):
        return "", text, True
    thought, answer, closed = thinking.split(spelled, opened)
    for special in tokenizer.all_special_tokens:
        thought, answer = thought.replace(special, ""), answer.replace(special, "")
    return thought.strip(), answer.strip(), closed


@dataclass(eq=False)
class ActiveClip:
    """A clip in work: its prompts as they are being written, its questions, those that could not be
    asked, and while it is active the rows, each with the branches that share it."""

    sample: Sample
    written: Future[list[Written | Failure]] | None = None
    branches: list[Branch] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    rows: list[tuple[Row, list[Branch]]] = field(default_factory=list)

    @property
    def done(self) -> bool:
        """Whether every question has its response."""
        return all(branch.finish for branch in self.branches)

    def release(self) -> None:
        """Lets go of keys and values."""
        self.rows.clear()
        for branch in self.branches:
            branch.cache = None


def append(
    branches: Sequence[Branch],
    logits: torch.Tensor,
    generation: Generation,
    stops: Collection[int],
) -> None:
    """Gives every branch its logits [branches, vocab]; one transfer for all the greedy tokens."""
    for branch, row, greedy in zip(branches, logits, logits.argmax(-1).tolist(), strict=True):
        branch.append(row, greedy, generation, stops)
