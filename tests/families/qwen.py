"""The Qwen-VL families."""

from __future__ import annotations

from typing import Any

import torch

from harness.models.transformers.library import transformers
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
EYES3 = EYES | {"hidden_size": 48, "intermediate_size": 64, "num_position_embeddings": 64}
MROPE = {"rope_type": "default", "mrope_section": [2, 3, 3]}
INTERLEAVED = MROPE | {"mrope_interleaved": True}
# pixels a picture may have: 16 × 16 is one token
SIZES = {"patch_size": 8, "size": {"shortest_edge": 16 * 16, "longest_edge": 48 * 48}}
CLIP_SIZES = {"patch_size": 8, "size": {"shortest_edge": 16 * 16, "longest_edge": 6 * 48 * 48}}


def qwen2_vl() -> tuple[torch.nn.Module, Any]:
    """Two frames a token, mrope, times not told."""
    words = tokenizer(**MARKS)
    eyes = {"depth": 3, "num_heads": 2, "patch_size": 8, "embed_dim": 48, "hidden_size": 64}
    config = transformers.Qwen2VLConfig(
        vision_config=eyes | {"mlp_ratio": 2},
        text_config=decoder(words, rope_parameters=MROPE),
        **ids(words, **KEYS),
    )
    processor = transformers.Qwen2VLProcessor(
        image_processor=transformers.Qwen2VLImageProcessor(**SIZES),
        tokenizer=words,
        video_processor=transformers.Qwen2VLVideoProcessor(**SIZES, cap_pixels_per_frame=False),
        chat_template=TEMPLATE,
    )
    return transformers.Qwen2VLForConditionalGeneration(config), processor


def qwen2_5_vl() -> tuple[torch.nn.Module, Any]:
    """Two frames a token, windows in the vision tower, mrope in absolute time."""
    words = tokenizer(**MARKS)
    config = transformers.Qwen2_5_VLConfig(
        vision_config=EYES
        | {
            "hidden_size": 48,
            "intermediate_size": 64,
            "window_size": 32,
            "fullatt_block_indexes": [1],
            "tokens_per_second": 2,
        },
        text_config=decoder(words, rope_parameters=MROPE),
        **ids(words, **KEYS),
    )
    processor = transformers.Qwen2_5_VLProcessor(
        image_processor=transformers.Qwen2VLImageProcessor(**SIZES),
        tokenizer=words,
        video_processor=transformers.Qwen2VLVideoProcessor(**SIZES, cap_pixels_per_frame=False),
        chat_template=TEMPLATE,
    )
    return transformers.Qwen2_5_VLForConditionalGeneration(config), processor


def _qwen3_processor(words: Any) -> Any:
    return transformers.Qwen3VLProcessor(
        image_processor=transformers.Qwen2VLImageProcessor(**SIZES),
        tokenizer=words,
        video_processor=transformers.Qwen3VLVideoProcessor(
            **CLIP_SIZES, cap_pixels_per_frame=False
        ),
        chat_template=TEMPLATE,
    )


def qwen3_vl() -> tuple[torch.nn.Module, Any]:
    """Times as text, interleaved mrope, features added to the first layers (deepstack)."""
    words = tokenizer(**MARKS)
    config = transformers.Qwen3VLConfig(
        vision_config=EYES3 | {"deepstack_visual_indexes": [0, 1]},
        text_config=decoder(words, head_dim=16, rope_parameters=INTERLEAVED),
        **ids(words, **KEYS),
    )
    return transformers.Qwen3VLForConditionalGeneration(config), _qwen3_processor(words)


def qwen3_vl_moe() -> tuple[torch.nn.Module, Any]:
    """The same with four experts, two of which work for a token."""
    words = tokenizer(**MARKS)
    experts = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
    config = transformers.Qwen3VLMoeConfig(
        vision_config=EYES3 | {"deepstack_visual_indexes": [0, 1]},
        text_config=decoder(words, head_dim=16, rope_parameters=INTERLEAVED, **experts),
        **ids(words, **KEYS),
    )
    return transformers.Qwen3VLMoeForConditionalGeneration(config), _qwen3_processor(words)


def qwen3_5() -> tuple[torch.nn.Module, Any]:
    """Three of four layers are linear attention: the prefix's state is copied."""
    words = tokenizer(**MARKS)
    linear = {
        "linear_key_head_dim": 16,
        "linear_value_head_dim": 16,
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 4,
        "num_hidden_layers": 4,
        "layer_types": ["linear_attention"] * 3 + ["full_attention"],
    }
    rope = INTERLEAVED | {"partial_rotary_factor": 1.0}
    config = transformers.Qwen3_5Config(
        vision_config=EYES3,
        text_config=decoder(words, head_dim=16, rope_parameters=rope, **linear),
        **ids(words, **KEYS),
    )
    return transformers.Qwen3_5ForConditionalGeneration(config), _qwen3_processor(words)
