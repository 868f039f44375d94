"""One clip's questions on their way to answers: rows, branches, and what is said next."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from harness.models.transformers.branches import PREFIX, Row, Segment, advance
from harness.models.transformers.prompts import Gallery, Tokens, common_prefix
from harness.models.transformers.vision import embed
from harness.types import Answer, Decoding, Failure, Prompt, WatchedClip

GROWTH = 64  # new tokens per branch that a row has room for at once; long answers grow it


@dataclass(eq=False)
class Branch:
    """One question: its prompt's tokens, what has been said, and why it stopped."""

    prompt: Prompt
    tokens: Tokens
    limit: int
    letters: dict[str, list[int]] | None = None
    said: list[int] = field(default_factory=list)
    finish: str = ""
    seconds: float = 0.0
    probabilities: dict[str, float] | None = None
    first_logits: torch.Tensor | None = None
    _random: torch.Generator | None = None

    @property
    def position(self) -> int:
        """The position of the token said last."""
        return len(self.tokens) + len(self.said) - 1

    def hear(
        self, logits: torch.Tensor, greedy: int, decoding: Decoding, stops: Collection[int]
    ) -> None:
        """Takes the next token from its logits [vocab]; ``greedy`` is the most likely one."""
        if not self.said and self.first_logits is None:
            self.first_logits = logits
        if self.letters is not None:
            self._choose(logits)
            return
        token = greedy if decoding.temperature == 0 else self._draw(logits, decoding)
        if token in stops:
            self.finish = "stop"
            return
        self.said.append(token)
        if len(self.said) >= self.limit:
            self.finish = "length"

    def answer(self, tokenizer: Any) -> Answer:
        """The finished branch as an answer."""
        if self.probabilities is not None:
            best = max(self.probabilities, key=self.probabilities.__getitem__)
            text = best
        else:
            text = str(tokenizer.decode(self.said, skip_special_tokens=True)).strip()
        return Answer(self.prompt.question.id, text, self.finish, self.seconds, self.probabilities)

    def _choose(self, logits: torch.Tensor) -> None:
        """Each letter's probability, over all tokens that say it ("A" and " A")."""
        assert self.letters is not None
        likely = logits.float().log_softmax(-1)
        self.probabilities = {
            letter: round(float(likely[tokens].logsumexp(-1).exp()), 6)
            for letter, tokens in self.letters.items()
        }
        self.finish = "letters"

    def _draw(self, logits: torch.Tensor, decoding: Decoding) -> int:
        """A token drawn with a generator of the question's own: others do not change its answer."""
        from transformers import TemperatureLogitsWarper, TopPLogitsWarper

        if self._random is None:
            key = f"{decoding.seed}/{self.prompt.question.id}".encode()
            seed = int.from_bytes(hashlib.sha256(key).digest()[:8], "big", signed=True)
            self._random = torch.Generator().manual_seed(seed)
        ids = torch.empty(1, 0, dtype=torch.long)
        scores = TemperatureLogitsWarper(decoding.temperature)(ids, logits.float().cpu()[None])
        if decoding.top_p < 1:
            scores = TopPLogitsWarper(decoding.top_p)(ids, scores)
        return int(torch.multinomial(scores[0].softmax(-1), 1, generator=self._random))


@dataclass(eq=False)
class Flight:
    """A clip on its way: its questions, those that could not be asked, its pixels as they are being
    prepared, and while it flies the rows, each with the branches that share it."""

    clip: WatchedClip
    gallery: Gallery
    branches: list[Branch]
    failures: list[Failure] = field(default_factory=list)
    pixels: Future[list[torch.Tensor]] | None = None
    rows: list[tuple[Row, list[Branch]]] = field(default_factory=list)

    @property
    def done(self) -> bool:
        """Whether every question has its answer."""
        return all(branch.finish for branch in self.branches)


def groups(branches: Sequence[Branch]) -> list[list[Branch]]:
    """The branches that go into one row: all, when at least half of a prompt is shared.

    Prompts that differ early (a still before the clip, say) gain nothing from a common row, and
    their attention would be masked quadratically.
    """
    shared = common_prefix([branch.tokens for branch in branches])
    if 2 * shared >= min(len(branch.tokens) for branch in branches) - 1:
        return [list(branches)]
    return [[branch] for branch in branches]


def prefill_prefix(model: Any, branches: Sequence[Branch], features: list[torch.Tensor]) -> Row:
    """A row that holds what all the branches begin with, computed once."""
    tokens = [branch.tokens for branch in branches]
    shared = common_prefix(tokens)
    packed = sum(len(each) - shared for each in tokens)
    row = Row(shared + packed + sum(min(branch.limit, GROWTH) for branch in branches))
    if shared:
        prefix = Segment(row, np.full(shared, PREFIX, np.int32))
        embedded = embed(model, tokens[0][:shared], features)
        advance(model, [prefix], embedded, np.arange(shared, dtype=np.int64))
    return row


def prefill_suffixes(
    model: Any, row: Row, branches: Sequence[Branch], features: list[torch.Tensor]
) -> torch.Tensor:
    """Packs what follows the row's prefix behind it; next logits [branches, vocab] float32."""
    shared = row.length
    suffixes = [branch.tokens[shared:] for branch in branches]
    sizes = [len(suffix) for suffix in suffixes]
    owners = np.repeat(np.arange(len(branches), dtype=np.int32), sizes)
    positions = np.concatenate([shared + np.arange(size, dtype=np.int64) for size in sizes])
    embedded = embed(model, np.concatenate(suffixes), features)
    hidden = advance(model, [Segment(row, owners)], embedded, positions)
    last = torch.from_numpy(np.cumsum(sizes) - 1).to(hidden.device)
    logits: torch.Tensor = model.lm_head(hidden[last]).float()
    return logits


def step(
    model: Any, flights: Sequence[Flight], decoding: Decoding, stops: Collection[int]
) -> list[Branch]:
    """One new token for every unfinished branch of every flight, in one go; who was asked."""
    segments: list[Segment] = []
    asked: list[Branch] = []
    for flight in flights:
        for row, branches in flight.rows:
            alive = [i for i, branch in enumerate(branches) if not branch.finish]
            if alive:
                segments.append(Segment(row, np.array(alive, np.int32)))
                asked += [branches[i] for i in alive]
    if asked:
        tokens = np.array([branch.said[-1] for branch in asked], np.int64)
        positions = np.array([branch.position for branch in asked], np.int64)
        for segment in segments:
            _make_room(segment)
        hidden = advance(model, segments, embed(model, tokens, []), positions)
        hear(asked, model.lm_head(hidden).float(), decoding, stops)
    return asked


def hear(
    branches: Sequence[Branch], logits: torch.Tensor, decoding: Decoding, stops: Collection[int]
) -> None:
    """Gives every branch its logits [branches, vocab]; one transfer for all the greedy tokens."""
    for branch, row, greedy in zip(branches, logits, logits.argmax(-1).tolist(), strict=True):
        branch.hear(row, greedy, decoding, stops)


def _make_room(segment: Segment) -> None:
    """A row that is full grows by GROWTH steps at once, so that it is rarely copied."""
    if segment.row.length + len(segment.owners) > segment.row.room:
        segment.row.room = segment.row.length + GROWTH * len(segment.owners)
