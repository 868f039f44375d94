"""The plain way: transformers' own ``generate``, one question at a time, everything computed anew.

It is what the shared way is compared with, and how beam search runs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from harness.models.transformers.pixels import Preprocessor
from harness.models.transformers.prompts import Gallery, Tokens, Writer
from harness.types import Decoding, Pixels


def inputs(
    writer: Writer, pixels: Preprocessor, tokens: Tokens, gallery: Gallery, frames: Pixels
) -> dict[str, torch.Tensor]:
    """One prompt as the model's own ``forward`` takes it: ids, frames in order, images in order."""
    ids = tokens.copy()
    order: list[int] = []
    for place in np.flatnonzero(tokens < 0):
        slot = -1 - int(tokens[place])
        ids[place] = writer.video_id if gallery.shown[slot][0] == "pooled" else writer.image_id
        if place == 0 or tokens[place - 1] != tokens[place]:
            order.append(slot)
    made = {"input_ids": torch.from_numpy(ids)[None]}
    made["attention_mask"] = torch.ones_like(made["input_ids"])
    shown = [gallery.shown[slot] for slot in order]
    if pooled := [i for kind, i in shown if kind == "pooled"]:
        made["pixel_values_videos"] = pixels.frames(frames[pooled])[None]
    pictures = [
        gallery.stills[i] if kind == "still" else frames[i] for kind, i in shown if kind != "pooled"
    ]
    if pictures:
        tiles = [pixels.anyres(picture) for picture in pictures]
        made["pixel_values"] = pad_sequence(tiles, batch_first=True)
        made["image_sizes"] = torch.tensor([picture.shape[:2] for picture in pictures])
    return made


@torch.inference_mode()
def generate(
    model: Any,
    given: dict[str, torch.Tensor],
    decoding: Decoding,
    limit: int,
    stops: frozenset[int],
) -> tuple[list[int], torch.Tensor]:
    """New token ids (without the one that ends them) and the first token's logits [vocab]."""
    placed = {
        key: value.to(model.device, model.dtype if value.is_floating_point() else None)
        for key, value in given.items()
    }
    out = model.generate(
        **placed,
        do_sample=False,
        num_beams=decoding.beams,
        max_new_tokens=limit,
        eos_token_id=sorted(stops),
        pad_token_id=min(stops),
        return_dict_in_generate=True,
        output_logits=True,
    )
    said = out.sequences[0, placed["input_ids"].shape[1] :].tolist()
    end = next((i for i, token in enumerate(said) if token in stops), len(said))
    return said[:end], out.logits[0][0].float()
