"""One clip's questions on their way to responses: rows, branches, and the next tokens."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from harness.models.transformers.branches import PREFIX, Row, Segment, advance
from harness.models.transformers.prompts import Pictures, Tokens, common_prefix
from harness.models.transformers.vision import embed
from harness.types import Failure, Generation, Prompt, Response, Sample, Usage

GROWTH = 64  # new tokens per branch that a row has room for at once; long answers grow it


@dataclass(eq=False)
class Branch:
    """One question: its prompt's tokens, what was generated, and why it stopped."""

    prompt: Prompt
    tokens: Tokens
    limit: int
    letters: dict[str, list[int]] | None = None
    output_ids: list[int] = field(default_factory=list)
    finish: str = ""
    seconds: float = 0.0
    cached: int = 0
    probabilities: dict[str, float] | None = None
    first_logits: torch.Tensor | None = None
    _random: torch.Generator | None = None

    @property
    def position(self) -> int:
        """The position of the last token."""
        return len(self.tokens) + len(self.output_ids) - 1

    def append(
        self, logits: torch.Tensor, greedy: int, generation: Generation, stops: Collection[int]
    ) -> None:
        """Appends the next token, from its logits [vocab]; ``greedy`` is the most likely one."""
        if not self.output_ids and self.first_logits is None:
            self.first_logits = logits
        if self.letters is not None:
            self._choose(logits)
            return
        token = greedy if generation.temperature == 0 else self._draw(logits, generation)
        if token in stops:
            self.finish = "stop"
            return
        self.output_ids.append(token)
        if len(self.output_ids) >= self.limit:
            self.finish = "length"

    def response(self, tokenizer: Any) -> Response:
        """The finished branch as a response."""
        if self.probabilities is not None:
            best = max(self.probabilities, key=self.probabilities.__getitem__)
            text = best
        else:
            text = str(tokenizer.decode(self.output_ids, skip_special_tokens=True)).strip()
        return Response(
            self.prompt.key,
            text,
            finish=self.finish,
            usage=Usage(len(self.tokens), len(self.output_ids), self.cached),
            seconds=self.seconds,
            probabilities=self.probabilities,
        )

    def _choose(self, logits: torch.Tensor) -> None:
        """Each letter's probability, over all tokens that say it ("A" and " A")."""
        assert self.letters is not None
        likely = logits.float().log_softmax(-1)
        self.probabilities = {
            letter: round(float(likely[tokens].logsumexp(-1).exp()), 6)
            for letter, tokens in self.letters.items()
        }
        self.finish = "letters"

    def _draw(self, logits: torch.Tensor, generation: Generation) -> int:
        """A token drawn with a generator of the question's own: others do not change its answer."""
        from transformers import TemperatureLogitsWarper, TopPLogitsWarper

        if self._random is None:
            key = f"{generation.seed}/{self.prompt.key}".encode()
            seed = int.from_bytes(hashlib.sha256(key).digest()[:8], "big", signed=True)
            self._random = torch.Generator().manual_seed(seed)
        ids = torch.empty(1, 0, dtype=torch.long)
        scores = TemperatureLogitsWarper(generation.temperature)(ids, logits.float().cpu()[None])
        if generation.top_p < 1:
            scores = TopPLogitsWarper(generation.top_p)(ids, scores)
        return int(torch.multinomial(scores[0].softmax(-1), 1, generator=self._random))


@dataclass(eq=False)
class ActiveClip:
    """A clip in work: its questions, those that could not be asked, its pixels as they are being
    prepared, and while it is active the rows, each with the branches that share it."""

    sample: Sample
    pictures: Pictures
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
    for branch in branches[1:]:
        branch.cached = shared
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
    model: Any, active: Sequence[ActiveClip], generation: Generation, stops: Collection[int]
) -> list[Branch]:
    """One new token for every unfinished branch of every clip, in one go; who was asked."""
    segments: list[Segment] = []
    asked: list[Branch] = []
    for clip in active:
        for row, branches in clip.rows:
            alive = [i for i, branch in enumerate(branches) if not branch.finish]
            if alive:
                segments.append(Segment(row, np.array(alive, np.int32)))
                asked += [branches[i] for i in alive]
    if asked:
        tokens = np.array([branch.output_ids[-1] for branch in asked], np.int64)
        positions = np.array([branch.position for branch in asked], np.int64)
        for segment in segments:
            _make_room(segment)
        hidden = advance(model, segments, embed(model, tokens, []), positions)
        append(asked, model.lm_head(hidden).float(), generation, stops)
    return asked


def append(
    branches: Sequence[Branch], logits: torch.Tensor, generation: Generation, stops: Collection[int]
) -> None:
    """Gives every branch its logits [branches, vocab]; one transfer for all the greedy tokens."""
    for branch, row, greedy in zip(branches, logits, logits.argmax(-1).tolist(), strict=True):
        branch.append(row, greedy, generation, stops)


def _make_room(segment: Segment) -> None:
    """A row that is full grows by GROWTH steps at once, so that it is rarely copied."""
    if segment.row.length + len(segment.owners) > segment.row.room:
        segment.row.room = segment.row.length + GROWTH * len(segment.owners)
