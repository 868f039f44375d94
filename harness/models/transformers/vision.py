"""The vision tower, once per picture of a clip, and its features put where prompts show them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from harness.models.transformers.pixels import Preprocessor
from harness.models.transformers.prompts import Gallery, Tokens
from harness.types import Pixels

CHUNK = 32  # frames a forward: always the same, so that a frame's features do not depend on others


def anyres_tokens(config: Any, height: int, width: int) -> int:
    """How many tokens the model makes of an image of this size, by the model's own functions."""
    from transformers.models.llava_next_video import modeling_llava_next_video

    functions: Any = modeling_llava_next_video  # untyped
    vision = config.vision_config
    side = vision.image_size // vision.patch_size
    rows, columns = functions.get_anyres_image_grid_shape(
        (height, width), [list(p) for p in config.image_grid_pinpoints], vision.image_size
    )
    tiles = torch.empty(1, rows * side, columns * side, device="meta")
    _, rows, columns = functions.unpad_image(tiles, (height, width)).shape
    return int(side * side + rows * (columns + 1))  # overview, tiles, a newline behind each row


def prepare(pixels: Preprocessor, gallery: Gallery, frames: Pixels) -> list[torch.Tensor]:
    """What every slot of the gallery is to the vision tower: [3, S, S], or AnyRes [tiles, 3, S, S].
    Touches no device, so that it can run while the model is busy with another clip."""
    ready: list[torch.Tensor] = [torch.empty(0)] * len(gallery.shown)
    pooled = _pooled(gallery)
    if pooled:
        values = pixels.frames(frames[[gallery.shown[slot][1] for slot in pooled]])
        for slot, value in zip(pooled, values, strict=True):
            ready[slot] = value
    for slot, (kind, i) in enumerate(gallery.shown):
        if kind != "pooled":
            ready[slot] = pixels.anyres(gallery.stills[i] if kind == "still" else frames[i])
    return ready


def encode(model: Any, gallery: Gallery, ready: list[torch.Tensor]) -> list[torch.Tensor]:
    """The features of every slot of the gallery: [tokens, hidden] each, in the model's dtype."""
    features: list[torch.Tensor] = [torch.empty(0)] * len(gallery.shown)
    pooled = _pooled(gallery)
    if pooled:
        values = torch.stack([ready[slot] for slot in pooled])
        for slot, found in zip(pooled, video_features(model, values), strict=True):
            features[slot] = found
    for slot, (kind, i) in enumerate(gallery.shown):
        if kind != "pooled":
            size = gallery.stills[i].shape[:2] if kind == "still" else gallery.size
            features[slot] = _image_features(model, ready[slot], size)
    return features


def _pooled(gallery: Gallery) -> list[int]:
    return [slot for slot, (kind, _) in enumerate(gallery.shown) if kind == "pooled"]


def video_features(model: Any, values: torch.Tensor) -> torch.Tensor:
    """Pooled, projected features of normalised frames: [T, 3, S, S] to [T, tokens, hidden]."""
    found = []
    for start in range(0, len(values), CHUNK):
        chunk = values[start : start + CHUNK]
        made = model.get_video_features(chunk[None].to(model.device, model.dtype))
        found.append(made.pooler_output.unflatten(1, (len(chunk), -1))[0])
    return torch.cat(found)


def _image_features(model: Any, tiles: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    made = model.get_image_features(
        tiles[None].to(model.device, model.dtype), image_sizes=torch.tensor([size])
    )
    features: torch.Tensor = made.pooler_output[0]
    return features


def embed(model: Any, tokens: Tokens, features: list[torch.Tensor]) -> torch.Tensor:
    """Input embeddings [1, len(tokens), hidden], with the features of each slot in its places."""
    layer = model.get_input_embeddings()
    ids = torch.from_numpy(np.maximum(tokens, 0)).to(layer.weight.device)
    embedded: torch.Tensor = layer(ids)
    for slot in np.unique(tokens[tokens < 0]):
        places = np.flatnonzero(tokens == slot)
        feature = features[-1 - slot].to(embedded)
        if len(places) % len(feature):
            raise AssertionError(f"{len(places)} places for {len(feature)} features")
        embedded[torch.from_numpy(places).to(embedded.device)] = feature.repeat(
            len(places) // len(feature), 1
        )
    return embedded[None]
