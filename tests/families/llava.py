"""LLaVA's descendants."""

from __future__ import annotations

from typing import Any

import torch

from harness.models.transformers.library import transformers
from tests.families.parts import decoder, ids, template, tokenizer, tower

PINPOINTS = [[32, 64], [64, 32], [64, 64]]
SQUARE = {"height": 32, "width": 32}
CROP = {"size": {"shortest_edge": 32}, "crop_size": SQUARE}
BOTH = {"image_token": "<image>", "video_token": "<video>"}
BOTH_IDS = {"image_token_index": "<image>", "video_token_index": "<video>"}


def onevision() -> tuple[torch.nn.Module, Any]:
    """LLaVA-OneVision: SigLIP and Qwen2, frames pooled by 2, one newline token a clip."""
    words = tokenizer(**BOTH)
    config = transformers.LlavaOnevisionConfig(
        vision_config=tower(model_type="siglip_vision_model", vision_use_head=False),
        text_config=decoder(words, model_type="qwen2"),
        image_grid_pinpoints=PINPOINTS,
        **ids(words, **BOTH_IDS),
    )
    processor = transformers.LlavaOnevisionProcessor(
        image_processor=transformers.LlavaOnevisionImageProcessor(
            size=SQUARE, image_grid_pinpoints=PINPOINTS
        ),
        tokenizer=words,
        video_processor=transformers.LlavaOnevisionVideoProcessor(size=SQUARE),
        num_image_tokens=16,
        vision_feature_select_strategy="full",
        chat_template=template("<video>\n", "<image>\n"),
    )
    return transformers.LlavaOnevisionForConditionalGeneration(config), processor


def next_video() -> tuple[torch.nn.Module, Any]:
    """LLaVA-NeXT-Video: CLIP and Llama, frames pooled by 2, shown through its own processor."""
    words = tokenizer(**BOTH)
    config = transformers.LlavaNextVideoConfig(
        vision_config=tower(model_type="clip_vision_model", projection_dim=32),
        text_config=decoder(words, model_type="llama"),
        image_grid_pinpoints=PINPOINTS,
        image_seq_length=16,
        video_seq_length=4,
        **ids(words, **BOTH_IDS),
    )
    processor = transformers.LlavaNextVideoProcessor(
        video_processor=transformers.LlavaNextVideoVideoProcessor(**CROP),
        image_processor=transformers.LlavaNextImageProcessor(
            **CROP, image_grid_pinpoints=PINPOINTS
        ),
        tokenizer=words,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=template("<video>\n", "<image>\n"),
    )
    return transformers.LlavaNextVideoForConditionalGeneration(config), processor


def next_image() -> tuple[torch.nn.Module, Any]:
    """LLaVA-NeXT: every frame a picture of a thumbnail and tiles."""
    words = tokenizer(image_token="<image>")
    config = transformers.LlavaNextConfig(
        vision_config=tower(model_type="clip_vision_model", projection_dim=32),
        text_config=decoder(words, model_type="llama"),
        image_grid_pinpoints=PINPOINTS,
        image_seq_length=16,
        **ids(words, image_token_index="<image>"),
    )
    processor = transformers.LlavaNextProcessor(
        image_processor=transformers.LlavaNextImageProcessor(
            **CROP, image_grid_pinpoints=PINPOINTS
        ),
        tokenizer=words,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=template(None, "<image>\n"),
    )
    return transformers.LlavaNextForConditionalGeneration(config), processor


def video_llava() -> tuple[torch.nn.Module, Any]:
    """Video-LLaVA: two towers, all patches of a frame and its class token."""
    words = tokenizer(**BOTH)
    config = transformers.VideoLlavaConfig(
        vision_config=tower(model_type="clip_vision_model", projection_dim=32),
        text_config=decoder(words, model_type="llama"),
        image_seq_length=16,
        video_seq_length=8 * 17,
        **ids(words, **BOTH_IDS),
    )
    processor = transformers.VideoLlavaProcessor(
        image_processor=transformers.VideoLlavaImageProcessor(**CROP),
        video_processor=transformers.VideoLlavaVideoProcessor(**CROP),
        tokenizer=words,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=template("<video>\n", "<image>\n"),
    )
    return transformers.VideoLlavaForConditionalGeneration(config), processor
