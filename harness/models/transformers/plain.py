"""The plain way: transformers' own ``generate``, one question at a time, everything computed anew.

It is what the shared way is compared with, and how beam search runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from harness.models.transformers.preparing import WholePixels
from harness.models.transformers.spans import SpannedPixels
from harness.types import Generation


def placed(model: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What ``forward`` is given, on the model's device; pixels in its type, while numbers (seconds
    per grid step) keep theirs, since positions are computed from them."""

    def place(value: Any) -> Any:
        if isinstance(value, WholePixels | SpannedPixels):
            return value.on(model.device, model.dtype)
        if not isinstance(value, torch.Tensor):
            return value
        pixels = value.is_floating_point() and value.dim() > 1
        return value.to(model.device, model.dtype if pixels else None)

    return {key: place(value) for key, value in inputs.items()}


@torch.inference_mode()
def generate(
    model: Any,
    inputs: Mapping[str, Any],
    generation: Generation,
    limit: int,
    stops: frozenset[int],
    suppressed: Sequence[int] = (),
) -> tuple[list[int], torch.Tensor]:
    """New token ids (without the one that ends them; never ``suppressed`` ones) and the first
    token's logits [vocab]."""
    given = placed(model, inputs)
    out = model.generate(
        **given,
        do_sample=False,
        num_beams=generation.beams,
        max_new_tokens=limit,
        eos_token_id=sorted(stops) or None,
        pad_token_id=min(stops, default=0),
        suppress_tokens=list(suppressed) or None,
        return_dict_in_generate=True,
        output_logits=True,
    )
    output = out.sequences[0, given["input_ids"].shape[1] :].tolist()
    end = next((i for i, token in enumerate(output) if token in stops), len(output))
    return output[:end], out.logits[0][0].float()


@torch.inference_mode()
def steps(
    model: Any, inputs: Mapping[str, Any], tokens: int | Sequence[int], stops: frozenset[int]
) -> tuple[list[int], torch.Tensor]:
    """``generate``'s first tokens and the logits [tokens, vocabulary] that each was chosen from:
    so many of its own choice (none that ends the answer), or these ones whatever it would say."""
    given = placed(model, inputs)
    count = tokens if isinstance(tokens, int) else len(tokens)
    start = given["input_ids"].shape[1]
    only = None if isinstance(tokens, int) else lambda _, ids: [tokens[len(ids) - start]]
    out = model.generate(
        **given,
        do_sample=False,
        min_new_tokens=count,
        max_new_tokens=count,
        eos_token_id=sorted(stops) or None,
        pad_token_id=min(stops, default=0),
        return_dict_in_generate=True,
        output_logits=True,
        prefix_allowed_tokens_fn=only,
    )
    said = out.sequences[0, start:].tolist()
    return said, torch.stack([logits[0].float() for logits in out.logits])
