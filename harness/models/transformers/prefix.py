"""What a clip's prompts begin with alike: found on what the decoder is given, kept once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from harness.models.transformers.decoder import Decoder, Seen
from harness.models.transformers.features import Placed
from harness.models.transformers.masks import Rules
from harness.models.transformers.packing import Rule, evaluate
from harness.models.transformers.parts import Part, join


class Prompts:
    """A clip's prompts as the decoder takes them; of all but the first only what differs is kept.

    Two prompts share a token exactly when their embeddings, positions and all else that belongs to
    it are equal to the bit: the same token standing for another picture is another embedding.
    ``placed`` is what put their inputs on the model's device.
    """

    def __init__(self, decoder: Decoder, placed: Placed) -> None:
        self._decoder = decoder
        self._first: Part | None = None
        self._tails: list[tuple[int, Part]] = []
        self.rules: list[Rules] = []
        self.inputs: list[Mapping[str, Any]] = []
        self.placed = placed

    def add(self, inputs: Mapping[str, Any]) -> None:
        """One prompt more, by what the model's forward is given (placed). Raises what that
        forward raises; nothing is added then."""
        self._add(self._decoder.see(inputs))
        self.inputs.append(inputs)

    def length(self, number: int) -> int:
        """Tokens of a prompt."""
        start, tail = self._tails[number]
        return start + tail.length

    def part(self, number: int, start: int) -> Part:
        """A prompt's tokens from ``start`` on."""
        shared, tail = self._tails[number]
        if start >= shared:
            return tail.cut(start - shared, tail.length)
        return join([self.first.cut(start, shared), tail])

    @property
    def first(self) -> Part:
        """The first prompt, whole."""
        if self._first is None:
            raise LookupError("no prompts")
        return self._first

    def shared(self, numbers: Sequence[int]) -> int:
        """How many tokens these prompts begin with alike, so that none of them sees beyond; at
        least one of each is left out. Several prompts must have the first among them."""
        longest = min(self.length(number) for number in numbers) - 1
        if len(numbers) > 1:
            longest = min(longest, *(self._tails[number][0] for number in numbers if number))
        return min(_closed(self.rules[number], longest, self.length(number)) for number in numbers)

    def prefix(self, number: int, stop: int) -> Part:
        """A prompt's first tokens."""
        shared, tail = self._tails[number]
        if stop <= shared:
            return self.first.cut(0, stop)
        return join([self.first.cut(0, shared), tail.cut(0, stop - shared)])

    def _add(self, seen: Seen) -> None:
        self.rules.append(seen.rules)
        if self._first is None:
            self._first = seen.part
            self._tails.append((0, seen.part))
            return
        start = _alike(self._first, seen.part)
        tail = seen.part.cut(start, seen.part.length)
        embeds = tail.embeds.clone()  # so that what is shared is let go
        kept = Part(embeds, tail.positions, tail.by_token, tail.by_mark, tail.constant)
        self._tails.append((start, kept))


def _alike(first: Part, other: Part) -> int:
    """How many tokens two prompts begin with alike; one of the other's is always left."""
    most = min(first.length, other.length - 1)
    same = (first.embeds[0, :most] == other.embeds[0, :most]).all(-1)
    positions = first.positions[..., :most] == other.positions[..., :most]
    same &= positions.reshape(-1, most).all(0)
    for name in first.by_token.keys() & other.by_token.keys():
        mine, theirs = first.by_token[name][0, :most], other.by_token[name][0, :most]
        same &= (mine == theirs).reshape(most, -1).all(-1)
    differs = (~same).nonzero()
    return int(differs[0]) if len(differs) else most


def _closed(rules: Rules, longest: int, length: int) -> int:
    """The longest prefix of at most ``longest`` tokens of which none sees a later one (a picture
    whose tokens see each other both ways is not cut in two)."""
    if rules is None:
        return longest
    for rule in list(rules.values()) if isinstance(rules, Mapping) else [rules]:
        longest = _closed_under(rule, longest, length)
    return longest


def _closed_under(rule: Rule, longest: int, length: int) -> int:
    while longest > 0:
        places = torch.arange(length)
        ahead = evaluate(rule, places[:longest], places[longest:]).any(1).nonzero()
        if not len(ahead):
            return longest
        longest = int(ahead[0])
    return longest


def groups(prompts: Prompts, count: int) -> list[list[int]]:
    """The prompts that go together: all, when at least half of a prompt is shared.

    Prompts that differ early (a still before the clip, say) gain nothing from a common row, and
    their attention would be masked quadratically.
    """
    everyone = list(range(count))
    if 2 * prompts.shared(everyone) >= min(prompts.length(i) for i in everyone) - 1:
        return [everyone]
    return [[number] for number in everyone]


def next_position(positions: torch.Tensor) -> Any:
    """The position [axes] behind the last of [..., 1, n]."""
    return positions[..., 0, -1].cpu().numpy().astype(np.int64) + 1
