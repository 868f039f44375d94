"""A model's own rules for what its tokens may see: read from what it hands its decoder, and given
to the decoder again for other tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from harness.errors import ModelError
from harness.models.transformers.attention import Call
from harness.models.transformers.packing import BySegment, Rule
from harness.models.transformers.parts import Part

Rules = Mapping[str, Rule] | Rule | None
"""A model's rules for what may be seen, by type of layer where they differ; None: its decoder's."""


def read_rules(mask: Any, call: Call) -> Rules:
    """The rules behind what the model hands its decoder for masks."""
    if isinstance(mask, Mapping):
        return {kind: _rule(value, call) for kind, value in mask.items()}
    if mask is None or mask.dim() == 2:
        return None
    return _rule(mask, call)


def _rule(mask: Any, call: Call) -> Rule:
    rule = call.rule(mask)
    if isinstance(rule, BySegment):
        raise ModelError("a prompt's own mask was expected")
    return rule


def mask_for(call: Call, rules: Sequence[Mapping[int, Rules]] | Rules, part: Part) -> Any:
    """What the decoder is given for masks: stand-ins by type of layer, one for all layers, or
    flags that let its own functions make them. ``rules`` are for all tokens, or for each segment
    by owner."""
    device = part.embeds.device
    by_segment = rules if isinstance(rules, Sequence) else ()
    shared = None if isinstance(rules, Sequence) else rules
    first = next((rule for owned in by_segment for rule in owned.values()), shared)
    if first is None:
        return torch.ones(1, part.length, dtype=torch.bool, device=device)
    kinds: list[str | None] = list(first) if isinstance(first, Mapping) else [None]

    def rule(each: Any, kind: str | None) -> Rule:
        found: Rule = each if kind is None else each[kind]
        return found

    made = {}
    for kind in kinds:
        own = tuple({o: rule(each, kind) for o, each in owned.items()} for owned in by_segment)
        made[kind] = call.stand_in(BySegment(own) if own else rule(shared, kind), device)
    return made[None] if kinds == [None] else made
