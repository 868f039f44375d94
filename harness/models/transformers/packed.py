"""A clip's questions packed behind one prefix (see ``packing``): advance, then the head."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from harness.models.transformers.branches import ActiveClip, Branch
from harness.models.transformers.decoder import Decoder
from harness.models.transformers.masks import Rules
from harness.models.transformers.memory import TOGETHER
from harness.models.transformers.packing import PREFIX, Row, Segment
from harness.models.transformers.parts import Part, join, on_axes
from harness.models.transformers.prefix import Prompts, groups, next_position

GROWTH = 64  # new tokens per branch that a row has room for at once; long answers grow it


class Packed:
    """Questions as branches of one sequence (see ``packing``): nothing is copied."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def prefill(self, clips: Sequence[tuple[ActiveClip, Prompts]]) -> list[torch.Tensor]:
        """See ``Way``: short prompts together in one pass, a long prefix in its own."""
        units = [
            _unit(number, clip, prompts, group)
            for number, (clip, prompts) in enumerate(clips)
            for group in groups(prompts, len(clip.branches))
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
        each = [torch.from_numpy(branch.position[..., None, None]) for branch in asked]
        positions = torch.cat(on_axes(each), -1)
        for branch in asked:
            branch.position = branch.position + 1
        device = self._decoder.model.device
        logits = self._decoder.step(segments, tokens, positions.to(device))
        return asked, logits


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
        branch.position = next_position(part.positions)
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


def _make_room(segment: Segment) -> None:
    """A row that is full grows by GROWTH steps at once, or by an eighth: rarely copied."""
    if segment.row.length + len(segment.owners) > segment.row.room:
        more = max(GROWTH * len(segment.owners), segment.row.length // 8)
        segment.row.room = segment.row.length + more
