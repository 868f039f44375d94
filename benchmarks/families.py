"""Models of several families for the benchmarks: random weights, prompts made by hand.

Each has one clip of 4,608 tokens where its size is whole: 32 frames of 144 tokens, 18 of 256, or
16 pairs of 288. A ``size`` is "toy" (for tests), "small" (a real clip's number of tokens, a fifth
of the time in the vision tower, on a CPU) or "real" (the shape of the published 7B or 8B).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from benchmarks.family_configs import (
    Shape,
    internvl,
    internvl_clip,
    llava,
    llava_clip,
    marks,
    qwen2_5,
    qwen3,
    qwen3_5,
    qwen_clip,
)
from harness.models.transformers.library import transformers
from harness.models.transformers.written import Written
from harness.types import Prompt, Question

Size = Literal["toy", "small", "real"]
TEXT: dict[Size, dict[str, int]] = {
    "toy": {
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 32,
        "vocab_size": 512,
    },
    "small": {
        "hidden_size": 256,
        "intermediate_size": 688,
        "num_hidden_layers": 8,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "head_dim": 64,
        "vocab_size": 8000,
    },
}
TOWER: dict[Size, dict[str, int]] = {
    "toy": {"width": 32, "inner": 64, "depth": 2, "heads": 2},
    "small": {"width": 96, "inner": 384, "depth": 4, "heads": 2},
}
RANGE = {"initializer_range": 0.1, "max_position_embeddings": 16384}
MARKS = 8  # the last ids of a vocabulary stand for pictures and ends


@dataclass(frozen=True)
class Family:
    """``config`` and ``clip`` of a shape: the latter gives the clip's token ids and what the
    model's forward is given for its pictures."""

    config: Callable[[Shape], Any]
    clip: Callable[[Any, Shape, torch.device], tuple[list[int], dict[str, torch.Tensor]]]
    grids: Mapping[Size, tuple[int, tuple[int, int]]]
    text: Mapping[str, Any]
    tower: Mapping[str, int]

    def shape(self, size: Size) -> Shape:
        """The family's shape of a size."""
        frames, grid = self.grids[size]
        if size == "real":
            return Shape(self.text, self.tower, frames, grid)
        return Shape(TEXT[size] | RANGE, TOWER[size], frames, grid)


def build(
    family: Family, shape: Shape, device: torch.device, dtype: torch.dtype, attention: str = "sdpa"
) -> Any:
    """The model with random weights, made on the device."""
    torch.manual_seed(0)
    with device:
        model = transformers.AutoModelForImageTextToText.from_config(
            family.config(shape), dtype=dtype, attn_implementation=attention
        )
    return model.eval()


def prompts(
    family: Family, shape: Shape, config: Any, device: torch.device, count: int, seed: int = 0
) -> list[Written]:
    """So many questions of one clip: 20 common tokens, the clip, and 30 to 60 of each one's own."""
    random = np.random.default_rng(seed)
    most = config.get_text_config().vocab_size - MARKS
    start = random.integers(3, most, 20).tolist()
    clip, pictures = family.clip(config, shape, device)
    written = []
    for i in range(count):
        own = random.integers(3, most, random.integers(30, 61)).tolist()
        ids = np.array([*start, *clip, *own])
        given = {"input_ids": torch.from_numpy(ids)[None].to(device)}
        given["attention_mask"] = torch.ones_like(given["input_ids"])
        if "video_grid_thw" in pictures:
            video = given["input_ids"] == marks(config)["video"]
            given["mm_token_type_ids"] = 2 * video.long()
        written.append(Written(Prompt(Question(f"{seed}/{i}", ""), ()), ids, given | pictures))
    return written


_LLAMA_7B = {
    "vocab_size": 32064,
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 32,
    "head_dim": 128,
    "max_position_embeddings": 4096,
    "rope_parameters": {"rope_type": "linear", "factor": 2.5, "rope_theta": 1e4},
}
_QWEN2_7B = {
    "vocab_size": 152064,
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "head_dim": 128,
    "max_position_embeddings": 128000,
}
_QWEN3_8B = {
    "vocab_size": 151936,
    "hidden_size": 4096,
    "intermediate_size": 12288,
    "num_hidden_layers": 36,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "max_position_embeddings": 262144,
}
_CLIP = {"width": 1024, "inner": 4096, "depth": 24, "heads": 16}
_SQUARES: dict[Size, tuple[int, tuple[int, int]]] = {
    "toy": (2, (4, 4)),
    "small": (32, (24, 24)),
    "real": (32, (24, 24)),
}
_TILES: dict[Size, tuple[int, tuple[int, int]]] = {
    "toy": (2, (4, 4)),
    "small": (18, (32, 32)),
    "real": (18, (32, 32)),
}
_PAIRS: dict[Size, tuple[int, tuple[int, int]]] = {
    "toy": (2, (4, 4)),
    "small": (32, (24, 48)),
    "real": (32, (24, 48)),
}

FAMILIES: Mapping[str, Family] = {
    "llava_next_video": Family(llava, llava_clip, _SQUARES, _LLAMA_7B, _CLIP),
    "internvl": Family(internvl, internvl_clip, _TILES, _QWEN2_7B, _CLIP),
    "qwen2_5_vl": Family(
        qwen2_5,
        qwen_clip,
        _PAIRS,
        _QWEN2_7B,
        {"width": 1280, "inner": 3420, "depth": 32, "heads": 16},
    ),
    "qwen3_vl": Family(
        qwen3,
        qwen_clip,
        _PAIRS,
        _QWEN3_8B,
        {"width": 1152, "inner": 4304, "depth": 27, "heads": 16},
    ),
    # its published shapes were not looked up: "real" is Qwen3's 8B with its kinds of layers
    "qwen3_5": Family(
        qwen3_5,
        qwen_clip,
        _PAIRS,
        _QWEN3_8B,
        {"width": 1152, "inner": 4304, "depth": 27, "heads": 16},
    ),
}
