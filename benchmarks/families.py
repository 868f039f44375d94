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
class Shape:
    """A family's size: the decoder's keys, the tower's, and ``frames`` of (rows, columns)
    patches."""

    text: Mapping[str, Any]
    tower: Mapping[str, int]
    frames: int
    grid: tuple[int, int]


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


def marks(config: Any) -> dict[str, int]:
    """Ids at the vocabulary's end: pictures, what stands around them, and an end never said."""
    names = ("video", "image", "start", "end", "never")
    return {name: config.get_text_config().vocab_size - 1 - i for i, name in enumerate(names)}


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


def _noise(*shape: int, device: torch.device) -> torch.Tensor:
    made = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    return made.to(device)


# ── LLaVA-NeXT-Video ─────────────────────────────────────────────────────────────────────────


def _llava(shape: Shape) -> Any:
    tower, side = shape.tower, shape.grid[0]
    config = transformers.LlavaNextVideoConfig(
        vision_config=transformers.CLIPVisionConfig(
            hidden_size=tower["width"],
            intermediate_size=tower["inner"],
            num_hidden_layers=tower["depth"],
            num_attention_heads=tower["heads"],
            image_size=side * 14,
            patch_size=14,
        ),
        text_config=transformers.LlamaConfig(**shape.text),
    )
    config.video_token_index = marks(config)["video"]
    config.image_token_index = marks(config)["image"]
    return config


def _llava_clip(config: Any, shape: Shape, device: torch.device) -> Any:
    side = shape.grid[0]
    ids = [marks(config)["video"]] * (shape.frames * (side // 2) ** 2)
    pixels = _noise(1, shape.frames, 3, side * 14, side * 14, device=device)
    return ids, {"pixel_values_videos": pixels}


# ── InternVL ─────────────────────────────────────────────────────────────────────────────────


def _internvl(shape: Shape) -> Any:
    tower, side = shape.tower, shape.grid[0]
    config = transformers.InternVLConfig(
        vision_config={
            "hidden_size": tower["width"],
            "intermediate_size": tower["inner"],
            "num_hidden_layers": tower["depth"],
            "num_attention_heads": tower["heads"],
            "image_size": [side * 14, side * 14],
            "patch_size": [14, 14],
        },
        text_config={"model_type": "qwen2", **shape.text},
        image_seq_length=(side // 2) ** 2,
    )
    config.image_token_id = marks(config)["image"]
    return config


def _internvl_clip(config: Any, shape: Shape, device: torch.device) -> Any:
    side, mark = shape.grid[0], marks(config)
    frame = [mark["start"], *[mark["image"]] * (side // 2) ** 2, mark["end"]]
    pixels = _noise(shape.frames, 3, side * 14, side * 14, device=device)
    return frame * shape.frames, {"pixel_values": pixels}


# ── Qwen-VL ──────────────────────────────────────────────────────────────────────────────────


def _mrope(shape: Shape, **more: Any) -> dict[str, Any]:
    half = shape.text["head_dim"] // 2
    height = 3 * half // 8
    sections = [half - 2 * height, height, height]
    return {"rope_type": "default", "rope_theta": 1e6, "mrope_section": sections, **more}


def _qwen(kind: str, shape: Shape, vision: dict[str, Any], **text: Any) -> Any:
    tower = shape.tower
    vision |= {"depth": tower["depth"], "num_heads": tower["heads"], "hidden_size": tower["width"]}
    vision |= {"intermediate_size": tower["inner"], "out_hidden_size": shape.text["hidden_size"]}
    config = getattr(transformers, kind)(
        vision_config=vision, text_config=dict(shape.text) | text, tie_word_embeddings=False
    )
    mark = marks(config)
    config.video_token_id, config.image_token_id = mark["video"], mark["image"]
    config.vision_start_token_id, config.vision_end_token_id = mark["start"], mark["end"]
    return config


def _qwen2_5(shape: Shape) -> Any:
    depth = shape.tower["depth"]
    vision = {"patch_size": 14, "window_size": 112, "tokens_per_second": 2}
    vision["fullatt_block_indexes"] = [i for i in range(depth) if (i + 1) % (depth // 2) == 0]
    return _qwen("Qwen2_5_VLConfig", shape, vision, rope_parameters=_mrope(shape))


def _qwen3(shape: Shape) -> Any:
    depth = shape.tower["depth"]
    vision = {"patch_size": 16, "num_position_embeddings": 2304}
    vision["deepstack_visual_indexes"] = [depth // 4, depth // 2]
    rope = _mrope(shape, mrope_interleaved=True)
    return _qwen("Qwen3VLConfig", shape, vision, rope_parameters=rope)


def _qwen3_5(shape: Shape) -> Any:
    layers, heads = shape.text["num_hidden_layers"], shape.text["num_attention_heads"]
    linear = {
        "linear_key_head_dim": shape.text["head_dim"],
        "linear_value_head_dim": shape.text["head_dim"],
        "linear_num_key_heads": heads // 2,
        "linear_num_value_heads": heads,
        "layer_types": [
            "full_attention" if (i + 1) % 4 == 0 or i + 1 == layers else "linear_attention"
            for i in range(layers)
        ],
    }
    rope = _mrope(shape, mrope_interleaved=True, partial_rotary_factor=1.0)
    vision = {"patch_size": 16, "num_position_embeddings": 2304}
    return _qwen("Qwen3_5Config", shape, vision, rope_parameters=rope, **linear)


def _qwen_clip(config: Any, shape: Shape, device: torch.device) -> Any:
    """Two frames a picture; Qwen3's pictures stand by themselves, Qwen2.5's together."""
    (rows, columns), mark = shape.grid, marks(config)
    patch, pairs = config.vision_config.patch_size, shape.frames // 2
    picture = [mark["video"]] * (rows * columns // 4)
    together = hasattr(config.vision_config, "tokens_per_second")
    grid = torch.tensor([[pairs, rows, columns]], device=device)
    pixels = _noise(pairs * rows * columns, 6 * patch * patch, device=device)
    given = {"pixel_values_videos": pixels, "video_grid_thw": grid}
    if together:
        given["second_per_grid_ts"] = torch.tensor([1.0])
        return [mark["start"], *picture * pairs, mark["end"]], given
    ids: list[int] = []
    for pair in range(pairs):
        ids += [3 + pair % 7, mark["start"], *picture, mark["end"]]
    return ids, given


# ── all of them ──────────────────────────────────────────────────────────────────────────────

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
    "llava_next_video": Family(_llava, _llava_clip, _SQUARES, _LLAMA_7B, _CLIP),
    "internvl": Family(_internvl, _internvl_clip, _TILES, _QWEN2_7B, _CLIP),
    "qwen2_5_vl": Family(
        _qwen2_5,
        _qwen_clip,
        _PAIRS,
        _QWEN2_7B,
        {"width": 1280, "inner": 3420, "depth": 32, "heads": 16},
    ),
    "qwen3_vl": Family(
        _qwen3,
        _qwen_clip,
        _PAIRS,
        _QWEN3_8B,
        {"width": 1152, "inner": 4304, "depth": 27, "heads": 16},
    ),
    # its published shapes were not looked up: "real" is Qwen3's 8B with its kinds of layers
    "qwen3_5": Family(
        _qwen3_5,
        _qwen_clip,
        _PAIRS,
        _QWEN3_8B,
        {"width": 1152, "inner": 4304, "depth": 27, "heads": 16},
    ),
}
