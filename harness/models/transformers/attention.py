"""Between transformers' layers and the rows: their attention and mask functions, under a name of
our own, which see each segment of a pass with its own row (see ``packing``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

import harness.models.transformers.library  # noqa: F401
from harness.models.transformers.packing import BySegment, Rule, Segment

from transformers import AttentionInterface  # isort: skip
from transformers.masking_utils import AttentionMaskInterface  # isort: skip

IMPLEMENTATION = "harness_packed"


class Call:
    """One pass through the decoder: its segments, and the rules its layers were given.

    A layer is handed a stand-in for a mask: a tensor whose last dimension is its rule's number,
    which survives being moved between devices.
    """

    def __init__(self, segments: Sequence[Segment] = (), kernel: str = "sdpa") -> None:
        self.segments = segments
        self.kernel = kernel
        self.rules: list[BySegment | Rule] = []
        self._masks: dict[int, list[torch.Tensor | None]] = {}

    def stand_in(self, rules: BySegment | Rule, device: torch.device) -> torch.Tensor:
        """What a layer is given for a mask that follows these rules."""
        if rules not in self.rules:
            self.rules.append(rules)
        number = self.rules.index(rules)
        return torch.empty(1, 1, 1, 1 + number, dtype=torch.bool, device=device)

    def rule(self, stand_in: Any) -> BySegment | Rule:
        """The rules behind a stand-in."""
        if not isinstance(stand_in, torch.Tensor) or stand_in.dim() != 4:
            raise LookupError("a layer attends without a mask of its model's")
        return self.rules[stand_in.shape[-1] - 1]

    def masks(self, stand_in: Any, device: torch.device) -> list[torch.Tensor | None]:
        """Each segment's mask for a layer with this stand-in; made once a pass."""
        rules = self.rule(stand_in)
        number = stand_in.shape[-1] - 1
        if number not in self._masks:
            self._masks[number] = [
                segment.mask(rules.of[i] if isinstance(rules, BySegment) else rules, device)
                for i, segment in enumerate(self.segments)
            ]
        return self._masks[number]

    def finish(self) -> None:
        """The segments' tokens are in their rows now, in every layer."""
        for segment in self.segments:
            row = segment.row
            row.owners = np.concatenate([row.owners, segment.owners])
            row.places = np.concatenate([row.places, segment.places])


_calls: list[Call] = []


@contextmanager
def attending(configs: Sequence[Any], call: Call) -> Iterator[None]:
    """The layers read their attention's name at every call: meanwhile it is ours."""
    usual = [config._attn_implementation for config in configs]
    for config in configs:
        config._attn_implementation = IMPLEMENTATION
    _calls.append(call)
    try:
        yield
    finally:
        _calls.pop()
        for config, name in zip(configs, usual, strict=True):
            config._attn_implementation = name


def _mask(*, mask_function: Rule, device: Any = "cpu", **_: Any) -> torch.Tensor:
    """transformers' mask interface: keeps the rule instead of spelling it out."""
    return _calls[-1].stand_in(mask_function, device)


def _attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float | None = None,
    softcap: float | None = None,
    s_aux: torch.Tensor | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """transformers' attention interface: [1, heads, n, dim] in, [1, n, heads, dim] out."""
    call = _calls[-1]
    masks = call.masks(attention_mask, query.device)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    extra = _Extra(scale, softcap, s_aux, call.kernel)
    results, start = [], 0
    for segment, mask in zip(call.segments, masks, strict=True):
        new = slice(start, start + len(segment.owners))
        keys, values = segment.row.write(
            module.layer_idx, segment.start, key[:, :, new], value[:, :, new]
        )
        results.append(_attend(module, query[:, :, new], keys, values, mask, extra))
        start = new.stop
    return results[0] if len(results) == 1 else torch.cat(results, dim=1), None


@dataclass(frozen=True, eq=False)
class _Extra:
    """How a layer's scores become weights: their scale, cap, and sinks (one a head); and by which
    of transformers' kernels."""

    scaling: float
    softcap: float | None
    sinks: torch.Tensor | None
    kernel: str

    @property
    def plain(self) -> bool:
        return self.softcap is None and self.sinks is None


def _attend(
    module: Any,
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    mask: torch.Tensor | None,
    extra: _Extra,
) -> torch.Tensor:
    if mask is None and extra.kernel.startswith("flash") and extra.plain:
        flash: Callable[..., tuple[torch.Tensor, None]] = _kernels()[extra.kernel]
        out, _ = flash(module, query, keys, values, None, scaling=extra.scaling, is_causal=True)
        return out
    if mask is None and extra.kernel != "eager" and extra.plain:
        out = F.scaled_dot_product_attention(
            query, keys, values, is_causal=True, scale=extra.scaling, enable_gqa=True
        )
        return out.transpose(1, 2)
    heads, count, dim = query.shape[1:]
    if mask is None:
        mask = torch.ones(count, count, dtype=torch.bool, device=query.device).tril()
    # Query heads that share a key head are folded into the queries: keys are never repeated.
    groups = heads // keys.shape[1]
    folded = query.reshape(1, keys.shape[1], groups * count, dim)
    seen = mask.to(query.device)
    seen = seen.repeat(groups, 1) if groups > 1 else seen
    if extra.kernel == "eager" or not extra.plain:
        out = _eager(folded, keys, values, seen, extra)
    else:
        out = F.scaled_dot_product_attention(
            folded, keys, values, attn_mask=seen, scale=extra.scaling
        )
    return out.reshape(1, heads, count, values.shape[-1]).transpose(1, 2)


def _eager(
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    mask: torch.Tensor,
    extra: _Extra,
) -> torch.Tensor:
    """Attention spelled out, softmax in float32: what the fast kernels are compared with, and for
    what they cannot do. ``query`` [1, key heads, groups x n, dim]."""
    scores = (query @ keys.transpose(2, 3) * extra.scaling).float()
    if extra.softcap is not None:
        scores = extra.softcap * torch.tanh(scores / extra.softcap)
    scores = scores.masked_fill(~mask, -torch.inf)
    if extra.sinks is None:
        return scores.softmax(-1).to(values.dtype) @ values
    per_query = extra.sinks.float().reshape(keys.shape[1], -1)  # [key heads, groups]
    sinks = per_query.repeat_interleave(query.shape[2] // per_query.shape[1], 1)
    weights = torch.cat([scores, sinks[None, :, :, None]], -1).softmax(-1)[..., :-1]
    return weights.to(values.dtype) @ values


_kernels: Any = AttentionInterface  # untyped
AttentionInterface.register(IMPLEMENTATION, _attention)
AttentionMaskInterface.register(IMPLEMENTATION, _mask)
