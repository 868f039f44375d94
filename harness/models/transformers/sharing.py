"""How questions share what they begin with: packed behind one prefix, or a copied cache each."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import torch

from harness.models.transformers.branches import ActiveClip, Branch
from harness.models.transformers.decoder import Decoder, Part, Rules, join
from harness.models.transformers.memory import TOGETHER
from harness.models.transformers.packing import PREFIX, Row, Segment
from harness.models.transformers.prefix import Prompts

Sharing = Literal["auto", "packed", "copied", "none"]

GROWTH = 64  # new tokens per branch that a row has room for at once; long answers grow it
PACKABLE = {"full_attention", "sliding_attention", "chunked_attention"}


class Way(Protocol):
    """How a clip's prompts are computed, and then every next token."""

    def prefill(self, clips: Sequence[tuple[ActiveClip, Prompts]]) -> list[torch.Tensor]:
        """Clips' prompts; for each clip the first logits [branches, vocab] float32."""
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

    def prefill(self, clips: Sequence[tuple[ActiveClip, Prompts]]) -> list[torch.Tensor]:
        """See ``Way``: short prompts together in one pass, a long prefix in its own."""
        units = [
            _unit(number, clip, prompts, group)
            for number, (clip, prompts) in enumerate(clips)
            for group in groups(prompts, clip.branches)
        ]
        logits: list[list[torch.Tensor]] = [[] for _ in clips]
        for together in _batches(units):
            self._prefill(together, logits)
        for unit in units:
            clips[unit.clip][0].rows.append((unit.row, unit.branches))
        return [torch.cat(each) for each in logits]

    def _prefill(self, units: Sequence[_Unit], logits: list[list[torch.Tensor]]) -> None:
        """Their prefixes and what follows: in one pass, or in two where that is long."""
        first = units[0]
        if first.tokens > TOGETHER and first.prefix is not None and first.beginning is not None:
            self._decoder.advance([first.prefix], first.beginning, first.rules[:1])
            suffix = dataclasses.replace(first.suffix, behind=None)
            hidden = self._decoder.advance([suffix], join(first.parts), first.rules[1:])
            ends = [len(hidden)]
        else:
            segments = [s for unit in units for s in unit.segments]
            parts = [p for unit in units for p in unit.whole]
            rules = [r for unit in units for r in unit.rules]
            hidden = self._decoder.advance(segments, join(parts), rules)
            ends = np.cumsum([unit.tokens for unit in units]).tolist()
        last = [
            end - sum(unit.sizes) + int(place) - 1
            for unit, end in zip(units, ends, strict=True)
            for place in np.cumsum(unit.sizes)
        ]
        found = self._decoder.head(hidden[torch.tensor(last, device=hidden.device)])
        start = 0
        for unit in units:
            logits[unit.clip].append(found[start : start + len(unit.sizes)])
            start += len(unit.sizes)

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

    def prefill(self, clips: Sequence[tuple[ActiveClip, Prompts]]) -> list[torch.Tensor]:
        """See ``Way``: one clip after the other."""
        return [self._prefill(clip, prompts) for clip, prompts in clips]

    def _prefill(self, clip: ActiveClip, prompts: Prompts) -> torch.Tensor:
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


@dataclass(frozen=True, eq=False)
class _Unit:
    """Prompts that go into one row: its prefix (None: nothing is shared) and what follows, packed.

    ``clip`` is whose they are, ``rules`` the prompts' own for each segment, by owner; ``sizes``
    count each prompt's tokens behind the prefix.
    """

    clip: int
    row: Row
    branches: list[Branch]
    prefix: Segment | None
    beginning: Part | None
    suffix: Segment
    parts: list[Part]
    rules: list[Mapping[int, Rules]]
    sizes: list[int]

    @property
    def segments(self) -> list[Segment]:
        return [self.suffix] if self.prefix is None else [self.prefix, self.suffix]

    @property
    def whole(self) -> list[Part]:
        return self.parts if self.beginning is None else [self.beginning, *self.parts]

    @property
    def tokens(self) -> int:
        return sum(part.length for part in self.whole)


def _unit(number: int, clip: ActiveClip, prompts: Prompts, group: list[int]) -> _Unit:
    branches = [clip.branches[i] for i in group]
    shared = prompts.shared(group)
    sizes = [prompts.length(i) - shared for i in group]
    row = Row(shared + sum(sizes) + sum(min(branch.limit, GROWTH) for branch in branches))
    parts = [prompts.part(i, shared) for i in group]
    for branch, part in zip(branches, parts, strict=True):
        branch.position = _next(part.positions)
    for branch in branches[1:]:
        branch.cached = shared
    prefix = beginning = None
    rules: list[Mapping[int, Rules]] = []
    if shared:
        prefix = Segment(row, np.full(shared, PREFIX, np.int32), np.arange(shared))
        beginning = prompts.prefix(group[0], shared)
        rules.append({PREFIX: prompts.rules[group[0]]})
    owners = np.repeat(np.arange(len(group), dtype=np.int32), sizes)
    places = np.concatenate([np.arange(shared, shared + size) for size in sizes])
    rules.append({owner: prompts.rules[i] for owner, i in enumerate(group)})
    suffix = Segment(row, owners, places, behind=prefix)
    return _Unit(number, row, branches, prefix, beginning, suffix, parts, rules, sizes)


def _batches(units: Sequence[_Unit]) -> list[list[_Unit]]:
    """Units in order, as many in one pass as TOGETHER allows; masked alike."""
    batches: list[list[_Unit]] = []
    for unit in units:
        last = batches[-1] if batches else []
        alike = last and _masked(last[0]) == _masked(unit)
        if alike and sum(each.tokens for each in last) + unit.tokens <= TOGETHER:
            last.append(unit)
        else:
            batches.append([unit])
    return batches


def _masked(unit: _Unit) -> bool:
    """Whether prompts bring their own rules."""
    return any(rule is not None for owned in unit.rules for rule in owned.values())


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
