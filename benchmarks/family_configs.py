"""The configurations of the benchmarks' families of models, and what each is given of a clip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from harness.models.transformers.library import transformers


@dataclass(frozen=True)
class Shape:
    """A family's size: the decoder's keys, the tower's, and ``frames`` of (rows, columns)
    patches."""

    text: Mapping[str, Any]
    tower: Mapping[str, int]
    frames: int
    grid: tuple[int, int]


def marks(config: Any) -> dict[str, int]:
    """Ids at the vocabulary's end: pictures, what stands around them, and an end never said."""
    names = ("video", "image", "start", "end", "never")
    return {name: config.get_text_config().vocab_size - 1 - i for i, name in enumerate(names)}


def _noise(*shape: int, device: torch.device) -> torch.Tensor:
    made = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    return made.to(device)


# ── LLaVA-NeXT-Video ─────────────────────────────────────────────────────────────────────────


def llava(shape: Shape) -> Any:
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


def llava_clip(config: Any, shape: Shape, device: torch.device) -> Any:
    side = shape.grid[0]
    ids = [marks(config)["video"]] * (shape.frames * (side // 2) ** 2)
    pixels = _noise(1, shape.frames, 3, side * 14, side * 14, device=device)
    return ids, {"pixel_values_videos": pixels}


# ── InternVL ─────────────────────────────────────────────────────────────────────────────────


def internvl(shape: Shape) -> Any:
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


def internvl_clip(config: Any, shape: Shape, device: torch.device) -> Any:
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


def qwen2_5(shape: Shape) -> Any:
    depth = shape.tower["depth"]
    vision = {"patch_size": 14, "window_size": 112, "tokens_per_second": 2}
    vision["fullatt_block_indexes"] = [i for i in range(depth) if (i + 1) % (depth // 2) == 0]
    return _qwen("Qwen2_5_VLConfig", shape, vision, rope_parameters=_mrope(shape))


def qwen3(shape: Shape) -> Any:
    depth = shape.tower["depth"]
    vision = {"patch_size": 16, "num_position_embeddings": 2304}
    vision["deepstack_visual_indexes"] = [depth // 4, depth // 2]
    rope = _mrope(shape, mrope_interleaved=True)
    return _qwen("Qwen3VLConfig", shape, vision, rope_parameters=rope)


def qwen3_5(shape: Shape) -> Any:
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


def qwen_clip(config: Any, shape: Shape, device: torch.device) -> Any:
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
