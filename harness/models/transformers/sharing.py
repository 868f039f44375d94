"""How questions share what they begin with: packed behind one prefix, or a copied cache each."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np
import torch

from harness.models.transformers.branches import ActiveClip, Branch
from harness.models.transformers.decoder import Decoder, join
from harness.models.transformers.packing import PREFIX, Row, Segment
from harness.models.transformers.prefix import Prompts

Sharing = Literal["auto", "packed", "copied", "none"]

GROWTH = 64  # new tokens per branch that a row has room for at once; long answers grow it
PACKABLE = {"full_attention", "sliding_attention", "chunked_attention"}


class Way(Protocol):
    """How a clip's prompts are computed, and then every next token."""

    def prefill(self, clip: ActiveClip, prompts: Prompts) -> torch.Tensor:
        """The clip's prompts; first logits [branches, vocab] float32."""
        ...

    def step(self, active: Sequence[ActiveClip]) -> tuple[list[Branch], torch.Tensor | None]:
        """One new token for every unfinished branch: whose they are, and their next logits."""
        ...


def choose(sharing: Sharing, model: Any) -> Literal["packed", "copied", "none"]:
    """``auto`` as the model's configuration says: packed where all its layers attend to keys and
    values, copied where some keep a state of another kind (linear attention, convolutions)."""
    if sharing != "auto":
        return sharing
    config = model.config.get_text_config()
    types = getattr(config, "layer_types", None)
    mixed = getattr(config, "layers_block_type", None) is not None
    if mixed or getattr(model, "_is_stateful", False):
        return "copied"
    return "packed" if types is None or set(types) <= PACKABLE else "copied"


def make(sharing: Literal["packed", "copied", "none"], decoder: Decoder) -> Way:
    """The way of this name."""
    return Packed(decoder) if sharing == "packed" else Copied(decoder, sharing == "copied")


class Packed:
    """Questions as branches of one sequence (see ``packing``): nothing is copied."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def prefill(self, clip: ActiveClip, prompts: Prompts) -> torch.Tensor:
        """See ``Way``."""
        logits = [self._prefill(clip, prompts, group) for group in groups(prompts, clip.branches)]
        return torch.cat(logits)

    def _prefill(self, clip: ActiveClip, prompts: Prompts, group: list[int]) -> torch.Tensor:
        branches = [clip.branches[number] for number in group]
        shared = prompts.shared(group)
        sizes = [prompts.length(number) - shared for number in group]
        row = Row(shared + sum(sizes) + sum(min(branch.limit, GROWTH) for branch in branches))
        if shared:
            prefix = Segment(row, np.full(shared, PREFIX, np.int32), np.arange(shared))
            rules = {PREFIX: prompts.rules[group[0]]}
            self._decoder.advance([prefix], prompts.prefix(group[0], shared), rules)
        parts = [prompts.part(number, shared) for number in group]
        owners = np.repeat(np.arange(len(group), dtype=np.int32), sizes)
        places = np.concatenate([np.arange(shared, shared + size) for size in sizes])
        rules = {owner: prompts.rules[number] for owner, number in enumerate(group)}
        segment = Segment(row, owners, places)
        hidden = self._decoder.advance([segment], join(parts), rules)
        last = torch.from_numpy(np.cumsum(sizes) - 1).to(hidden.device)
        for branch, part in zip(branches, parts, strict=True):
            branch.position = _next(part.positions)
        for branch in branches[1:]:
            branch.cached = shared
        clip.rows.append((row, branches))
        return self._decoder.head(hidden[last])

    def step(self, active: Sequence[ActiveClip]) -> tuple[list[Branch], torch.Tensor | None]:
        """See ``Way``: all clips' tokens in one pass."""
        segments: list[Segment] = []
        asked: list[Branch] = []
        for clip in active:
            for row, branches in clip.rows:
                alive = [i for i, branch in enumerate(branches) if not branch.finish]
                if alive:
                    places = np.array([branches[i].place for i in alive], np.int64)
                    segments.append(Segment(row, np.array(alive, np.int32), places))
                    asked += [branches[i] for i in alive]
        if not asked:
            return [], None
        for segment in segments:
            _make_room(segment)
        tokens = torch.tensor([branch.output_ids[-1] for branch in asked])
        positions = np.stack([branch.position for branch in asked], -1)[..., None, :]
        for branch in asked:
            branch.position = branch.position + 1
        device = self._decoder.model.device
        logits = self._decoder.step(segments, tokens, torch.from_numpy(positions).to(device))
        return asked, logits


class Copied:
    """Every question with a cache of its own, a copy of the prefix's where ``share``; else, and
    where the model masks a prompt in its own way, everything anew by the model's own forward."""

    def __init__(self, decoder: Decoder, share: bool) -> None:
        self._decoder = decoder
        self._share = share

    def prefill(self, clip: ActiveClip, prompts: Prompts) -> torch.Tensor:
        """See ``Way``."""
        if not self._share or any(rules is not None for rules in prompts.rules):
            return torch.cat([self._whole(clip, prompts, i) for i in range(len(clip.branches))])
        logits = []
        for group in groups(prompts, clip.branches):
            shared, cache = prompts.shared(group), None
            if shared:
                _, cache = self._decoder.extend(None, prompts.prefix(group[0], shared), shared)
            for number in group:
                own = cache if number == group[-1] else copy.deepcopy(cache)
                branch, part = clip.branches[number], prompts.part(number, shared)
                branch.cached = shared if number != group[0] else 0
                length = prompts.length(number)
                hidden, branch.cache = self._decoder.extend(own, part, length)
                branch.position = _next(part.positions)
                logits.append(self._decoder.head(hidden[-1:]))
        return torch.cat(logits)

    def _whole(self, clip: ActiveClip, prompts: Prompts, number: int) -> torch.Tensor:
        branch = clip.branches[number]
        logits, branch.cache = self._decoder.whole(prompts.inputs[number])
        branch.position = _next(prompts.part(number, prompts.length(number) - 1).positions)
        return logits

    def step(self, active: Sequence[ActiveClip]) -> tuple[list[Branch], torch.Tensor | None]:
        """See ``Way``: one question after the other."""
        alive = [branch for clip in active for branch in clip.branches if not branch.finish]
        logits = []
        for branch in alive:
            positions = torch.from_numpy(branch.position[..., None, None].copy())
            positions = positions.to(self._decoder.model.device)
            branch.position = branch.position + 1
            token, length = branch.output_ids[-1], branch.place + 1
            logits.append(self._decoder.extend_by_token(branch.cache, token, positions, length))
        return alive, torch.cat(logits) if logits else None


def groups(prompts: Prompts, branches: Sequence[Branch]) -> list[list[int]]:
    """The branches that go together: all, when at least half of a prompt is shared.

    Prompts that differ early (a still before the clip, say) gain nothing from a common row, and
    their attention would be masked quadratically.
    """
    everyone = list(range(len(branches)))
    if 2 * prompts.shared(everyone) >= min(prompts.length(i) for i in everyone) - 1:
        return [everyone]
    return [[number] for number in everyone]


def _next(positions: torch.Tensor) -> Any:
    """The position [axes] behind the last of [..., 1, n]."""
    return positions[..., 0, -1].cpu().numpy().astype(np.int64) + 1


def _make_room(segment: Segment) -> None:
    """A row that is full grows by GROWTH steps at once, or by an eighth: rarely copied."""
    if segment.row.length + len(segment.owners) > segment.row.room:
        more = max(GROWTH * len(segment.owners), segment.row.length // 8)
        segment.row.room = segment.row.length + more
