"""Whether a model's vision tower may see a clip a few frames at a time: tried when it is loaded."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from typing import Any

import torch

from harness.errors import ModelError
from harness.models.transformers.decoder import Decoder
from harness.models.transformers.engine import out_of_memory
from harness.models.transformers.features import Placed
from harness.models.transformers.merging import Merging
from harness.models.transformers.parts import Part
from harness.models.transformers.proof import ERRORS, bound
from harness.models.transformers.self_test import no_memory, synthetic
from harness.models.transformers.spans import SpannedPixels
from harness.models.transformers.written import Writer, Written
from harness.names import first_line

log = logging.getLogger(__name__)

ROUNDING = {torch.float32: 1e-4, torch.float16: 2e-2, torch.bfloat16: 1e-1}
"""How far a token's features may be off at most, as a share of their size: sums over more frames
at once are rounded otherwise. In half precision two kernels of attention say how far (``_bound``):
0.3 to 1.7% of bfloat16's tiny builds, 7% of GLM-4V's."""


def find(model: Any, writer: Writer, name: str) -> Merging | None:
    """How results for three units of frames, seen as two and one, become those that all three
    together give; None where the decoder is handed something else, or pixels are made whole, or
    the model's own forward fails (``self_test`` says so). Raises ModelError without memory."""
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
        same = _apart(whole, parts) <= _bound(decoder, written, whole)
    except (ModelError, RuntimeError, *ERRORS) as error:
        if isinstance(error, RuntimeError) and out_of_memory(error):
            raise no_memory(name) from error
        if isinstance(error, RuntimeError) and not _of_shapes(error):
            raise
        log.info("%s: its frames are seen together (%s)", name, first_line(error))
        return None
    merging.frames = None
    return merging if same else None


def _spanned(written: Any) -> Iterator[SpannedPixels]:
    inputs = written.inputs.values() if isinstance(written, Written) else ()
    return (value for value in inputs if isinstance(value, SpannedPixels))


def _of_shapes(error: RuntimeError) -> bool:
    """Whether it is plain, as of shapes that do not fit; a device's own errors are of a class."""
    return type(error) in (RuntimeError, NotImplementedError)


def _seen(decoder: Decoder, written: Any, merging: Merging | None) -> Part:
    place = Placed(decoder.model, merging)
    with place.remembered():
        return decoder.see(place(written.inputs)).part


def _bound(decoder: Decoder, written: Any, whole: Part) -> float:
    """How far apart rounding may bring two ways: in half precision by how far it brings two kernels
    of attention for the whole clip, since that is more in deeper towers."""
    most = ROUNDING[whole.embeds.dtype]
    if whole.embeds.dtype == torch.float32:
        return most

    def apart() -> float:
        return _apart(whole, _seen(decoder, written, None))

    try:
        return bound(decoder.model, most, apart)
    except RuntimeError as error:
        if not _of_shapes(error):
            raise
        return most


def _apart(one: Part, other: Part) -> float:
    """The largest difference between two of a token's vectors, as a share of its size; without end
    where more than vectors differ, or they are no numbers."""
    if one.by_token.keys() != other.by_token.keys() or one.by_mark.keys() != other.by_mark.keys():
        return math.inf
    if not torch.equal(one.positions, other.positions):
        return math.inf
    pairs = [(one.embeds[0], other.embeds[0])]
    pairs += [(value[0], other.by_token[name][0]) for name, value in one.by_token.items()]
    for key, features in one.by_mark.items():
        pairs += zip(features, other.by_mark[key], strict=True)
    return max(_far(*pair) for pair in pairs)


def _far(one: torch.Tensor, other: torch.Tensor) -> float:
    """The same of values [n, …], a token each."""
    if one.shape != other.shape or not one.is_floating_point():
        return 0.0 if torch.equal(one, other) else math.inf
    apart = (one.float() - other.float()).flatten(1).norm(dim=-1)
    size = one.float().flatten(1).norm(dim=-1)
    share = torch.where(apart == 0, 0.0, apart / size).nan_to_num(math.inf)
    return float(share.max()) if len(share) else 0.0
