"""The Gemma families."""

from __future__ import annotations

from typing import Any

import torch
from transformers import (
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    Gemma3ImageProcessor,
    Gemma3Processor,
)

from tests.families.parts import decoder, ids, template, tokenizer, tower

SQUARE = {"height": 32, "width": 32}


def gemma3() -> tuple[torch.nn.Module, Any]:
    """A sliding window of 24 tokens in two layers of three; pictures attend both ways."""
    words = tokenizer(
        image_token="<image_soft_token>", boi_token="<start_of_image>", eoi_token="<end_of_image>"
    )
    marks = {
        "image_token_index": "<image_soft_token>",
        "boi_token_index": "<start_of_image>",
        "eoi_token_index": "<end_of_image>",
    }
    config = Gemma3Config(
        vision_config=tower(model_type="siglip_vision_model", vision_use_head=False),
        text_config=decoder(
            words,
            head_dim=16,
            query_pre_attn_scalar=16,
            sliding_window=24,
            layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        ),
        mm_tokens_per_image=4,
        **ids(words, **marks),
    )
    processor = Gemma3Processor(
        image_processor=Gemma3ImageProcessor(size=SQUARE),
        tokenizer=words,
        chat_template=template(None, "<start_of_image>", bos="<s>"),
        image_seq_length=4,
    )
    return Gemma3ForConditionalGeneration(config), processor
