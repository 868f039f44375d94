"""The Qwen-VL families."""

from __future__ import annotations

from typing import Any

import torch
from transformers import (
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)

from tests.families.parts import decoder, ids, template, tokenizer

MARKS = {
    "image_token": "<|image_pad|>",
    "video_token": "<|video_pad|>",
    "vision_start_token": "<|vision_start|>",
    "vision_end_token": "<|vision_end|>",
}
TEMPLATE = template(
    "<|vision_start|><|video_pad|><|vision_end|>", "<|vision_start|><|image_pad|><|vision_end|>"
)
KEYS = {
    "image_token_id": "<|image_pad|>",
    "video_token_id": "<|video_pad|>",
    "vision_start_token_id": "<|vision_start|>",
    "vision_end_token_id": "<|vision_end|>",
}
EYES = {"depth": 3, "num_heads": 2, "patch_size": 8, "out_hidden_size": 64}
# pixels a picture may have: 16 × 16 is one token
SIZES = {"patch_size": 8, "size": {"shortest_edge": 16 * 16, "longest_edge": 48 * 48}}
CLIP_SIZES = {"patch_size": 8, "size": {"shortest_edge": 16 * 16, "longest_edge": 6 * 48 * 48}}


def qwen2_5_vl() -> tuple[torch.nn.Module, Any]:
    """Two frames a token, windows in the vision tower, mrope in absolute time."""
    words = tokenizer(**MARKS)
    config = Qwen2_5_VLConfig(
        vision_config=EYES
        | {
            "hidden_size": 48,
            "intermediate_size": 64,
            "window_size": 32,
            "fullatt_block_indexes": [1],
            "tokens_per_second": 2,
        },
        text_config=decoder(
            words, rope_parameters={"rope_type": "default", "mrope_section": [2, 3, 3]}
        ),
        **ids(words, **KEYS),
    )
    processor = Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(**SIZES),
        tokenizer=words,
        video_processor=Qwen2VLVideoProcessor(
            patch_size=8, size={"shortest_edge": 16 * 16, "longest_edge": 48 * 48}
        ),
        chat_template=TEMPLATE,
    )
    return Qwen2_5_VLForConditionalGeneration(config), processor


def qwen3_vl() -> tuple[torch.nn.Module, Any]:
    """Times as text, interleaved mrope, features added to the first layers (deepstack)."""
    words = tokenizer(**MARKS)
    rope = {"rope_type": "default", "mrope_section": [2, 3, 3], "mrope_interleaved": True}
    config = Qwen3VLConfig(
        vision_config=EYES
        | {
            "hidden_size": 48,
            "intermediate_size": 64,
            "num_position_embeddings": 64,
            "deepstack_visual_indexes": [0, 1],
        },
        text_config=decoder(words, head_dim=16, rope_parameters=rope),
        **ids(words, **KEYS),
    )
    processor = Qwen3VLProcessor(
        image_processor=Qwen2VLImageProcessor(**SIZES),
        tokenizer=words,
        video_processor=Qwen3VLVideoProcessor(**CLIP_SIZES),
        chat_template=TEMPLATE,
    )
    return Qwen3VLForConditionalGeneration(config), processor
