"""Whether a model's vision tower may see a clip a few frames at a time: tried when it is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from harness.errors import ModelError
from harness.models.transformers.decoder import Decoder
from harness.models.transformers.features import Placed
from harness.models.transformers.merging import Merging
from harness.models.transformers.parts import Part
from harness.models.transformers.self_test import synthetic
from harness.models.transformers.spans import SpannedPixels
from harness.models.transformers.written import Writer, Written

ROUNDING = {torch.float32: 1e-4, torch.float16: 2e-2, torch.bfloat16: 1e-1}
"""How far a token's features may be off, as a share of their size: sums over more frames at once
are rounded otherwise."""


def find(model: Any, writer: Writer) -> Merging | None:
    """How results for three units of frames, seen as two and one, become those that all three
    together give; None where the decoder is handed something else, or pixels are made whole."""
    try:
        [first, _] = writer.write(synthetic(2), False)
        units = [spanned.spans.unit for spanned in _spanned(first)]
        if not units:
            return None
        [written, _] = writer.write(synthetic(3 * units[0]), False)
    except ModelError:  # the first clip will say it
        return None
    merging, decoder = Merging(2 * units[0]), Decoder(model)
    if not any(True for _ in _spanned(written)):
        return None
    try:
        whole, parts = _seen(decoder, written, None), _seen(decoder, written, merging)
        same = _same(whole, parts)
    except (ModelError, TypeError, ValueError, LookupError, AttributeError, RuntimeError):
        return None
    merging.frames = None
    return merging if same else None


def _spanned(written: Any) -> Iterator[SpannedPixels]:
    inputs = written.inputs.values() if isinstance(written, Written) else ()
    return (value for value in inputs if isinstance(value, SpannedPixels))


def _seen(decoder: Decoder, written: Any, merging: Merging | None) -> Part:
    place = Placed(decoder.model, merging)
    with place.remembered():
        return decoder.see(place(written.inputs)).part


def _same(one: Part, other: Part) -> bool:
    if one.by_token.keys() != other.by_token.keys() or one.by_mark.keys() != other.by_mark.keys():
        return False
    if not torch.equal(one.positions, other.positions):
        return False
    pairs = [(one.embeds[0], other.embeds[0])]
    pairs += [(value[0], other.by_token[name][0]) for name, value in one.by_token.items()]
    for key, features in one.by_mark.items():
        pairs += zip(features, other.by_mark[key], strict=True)
    return all(_close(*pair) for pair in pairs)


def _close(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether every token's values [n, …] are equal up to rounding."""
    if one.shape != other.shape or not one.is_floating_point():
        return torch.equal(one, other)
    apart = (one.float() - other.float()).flatten(1).norm(dim=-1)
    size = one.float().flatten(1).norm(dim=-1)
    return bool((apart <= ROUNDING[one.dtype] * size).all())
