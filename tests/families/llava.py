"""LLaVA's descendants."""

from __future__ import annotations

from typing import Any

import torch
from transformers import (
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
    LlavaOnevisionImageProcessor,
    LlavaOnevisionProcessor,
    LlavaOnevisionVideoProcessor,
)

from tests.families.parts import decoder, ids, template, tokenizer, tower

PINPOINTS = [[32, 64], [64, 32], [64, 64]]
SQUARE = {"height": 32, "width": 32}


def onevision() -> tuple[torch.nn.Module, Any]:
    """LLaVA-OneVision: SigLIP and Qwen2, frames pooled by 2, one newline token a clip."""
    words = tokenizer(image_token="<image>", video_token="<video>")
    config = LlavaOnevisionConfig(
        vision_config=tower(model_type="siglip_vision_model", vision_use_head=False),
        text_config=decoder(words, model_type="qwen2"),
        image_grid_pinpoints=PINPOINTS,
        **ids(words, image_token_index="<image>", video_token_index="<video>"),
    )
    processor = LlavaOnevisionProcessor(
        image_processor=LlavaOnevisionImageProcessor(size=SQUARE, image_grid_pinpoints=PINPOINTS),
        tokenizer=words,
        video_processor=LlavaOnevisionVideoProcessor(size=SQUARE),
        num_image_tokens=16,
        vision_feature_select_strategy="full",
        chat_template=template("<video>\n", "<image>\n"),
    )
    return LlavaOnevisionForConditionalGeneration(config), processor
