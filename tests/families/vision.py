"""InternVL and others with a vision tower of their own."""

from __future__ import annotations

from typing import Any

import torch
from transformers import (
    GotOcr2ImageProcessor,
    InternVLConfig,
    InternVLForConditionalGeneration,
    InternVLProcessor,
    InternVLVideoProcessor,
)

from tests.families.parts import decoder, ids, template, tokenizer, tower

SQUARE = {"height": 32, "width": 32}


def internvl() -> tuple[torch.nn.Module, Any]:
    """Frames named "Frame1: ", four tokens each."""
    words = tokenizer(
        start_image_token="<img>",
        end_image_token="</img>",
        context_image_token="<IMG_CONTEXT>",
        video_token="<video>",
    )
    config = InternVLConfig(
        vision_config=tower(image_size=[32, 32], patch_size=[8, 8]),
        text_config=decoder(words, model_type="qwen2"),
        image_seq_length=4,
        tie_word_embeddings=False,
        **ids(words, image_token_id="<IMG_CONTEXT>"),
    )
    processor = InternVLProcessor(
        image_processor=GotOcr2ImageProcessor(size=SQUARE, max_patches=4),
        tokenizer=words,
        video_processor=InternVLVideoProcessor(size=SQUARE),
        image_seq_length=4,
        chat_template=template("<video>\n", "<IMG_CONTEXT>\n"),
    )
    return InternVLForConditionalGeneration(config), processor
