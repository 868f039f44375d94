"""LLaVA's descendants."""

from __future__ import annotations

from typing import Any

import torch
from transformers import (
    LlavaNextConfig,
    LlavaNextForConditionalGeneration,
    LlavaNextImageProcessor,
    LlavaNextProcessor,
    LlavaNextVideoConfig,
    LlavaNextVideoForConditionalGeneration,
    LlavaNextVideoProcessor,
    LlavaNextVideoVideoProcessor,
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
    LlavaOnevisionImageProcessor,
    LlavaOnevisionProcessor,
    LlavaOnevisionVideoProcessor,
    VideoLlavaConfig,
    VideoLlavaForConditionalGeneration,
    VideoLlavaImageProcessor,
    VideoLlavaProcessor,
    VideoLlavaVideoProcessor,
)

from tests.families.parts import decoder, ids, template, tokenizer, tower

PINPOINTS = [[32, 64], [64, 32], [64, 64]]
SQUARE = {"height": 32, "width": 32}
CROP = {"size": {"shortest_edge": 32}, "crop_size": SQUARE}
BOTH = {"image_token": "<image>", "video_token": "<video>"}
BOTH_IDS = {"image_token_index": "<image>", "video_token_index": "<video>"}


def onevision() -> tuple[torch.nn.Module, Any]:
    """LLaVA-OneVision: SigLIP and Qwen2, frames pooled by 2, one newline token a clip."""
    words = tokenizer(**BOTH)
    config = LlavaOnevisionConfig(
        vision_config=tower(model_type="siglip_vision_model", vision_use_head=False),
        text_config=decoder(words, model_type="qwen2"),
        image_grid_pinpoints=PINPOINTS,
        **ids(words, **BOTH_IDS),
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


def next_video() -> tuple[torch.nn.Module, Any]:
    """LLaVA-NeXT-Video: CLIP and Llama, frames pooled by 2, shown through its own processor."""
    words = tokenizer(**BOTH)
    config = LlavaNextVideoConfig(
        vision_config=tower(model_type="clip_vision_model", projection_dim=32),
        text_config=decoder(words, model_type="llama"),
        image_grid_pinpoints=PINPOINTS,
        image_seq_length=16,
        video_seq_length=4,
        **ids(words, **BOTH_IDS),
    )
    processor = LlavaNextVideoProcessor(
        video_processor=LlavaNextVideoVideoProcessor(**CROP),
        image_processor=LlavaNextImageProcessor(**CROP, image_grid_pinpoints=PINPOINTS),
        tokenizer=words,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=template("<video>\n", "<image>\n"),
    )
    return LlavaNextVideoForConditionalGeneration(config), processor


def next_image() -> tuple[torch.nn.Module, Any]:
    """LLaVA-NeXT: every frame a picture of a thumbnail and tiles."""
    words = tokenizer(image_token="<image>")
    config = LlavaNextConfig(
        vision_config=tower(model_type="clip_vision_model", projection_dim=32),
        text_config=decoder(words, model_type="llama"),
        image_grid_pinpoints=PINPOINTS,
        image_seq_length=16,
        **ids(words, image_token_index="<image>"),
    )
    processor = LlavaNextProcessor(
        image_processor=LlavaNextImageProcessor(**CROP, image_grid_pinpoints=PINPOINTS),
        tokenizer=words,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=template(None, "<image>\n"),
    )
    return LlavaNextForConditionalGeneration(config), processor


def video_llava() -> tuple[torch.nn.Module, Any]:
    """Video-LLaVA: two towers, all patches of a frame and its class token."""
    words = tokenizer(**BOTH)
    config = VideoLlavaConfig(
        vision_config=tower(model_type="clip_vision_model", projection_dim=32),
        text_config=decoder(words, model_type="llama"),
        image_seq_length=16,
        video_seq_length=8 * 17,
        **ids(words, **BOTH_IDS),
    )
    processor = VideoLlavaProcessor(
        image_processor=VideoLlavaImageProcessor(**CROP),
        video_processor=VideoLlavaVideoProcessor(**CROP),
        tokenizer=words,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=template("<video>\n", "<image>\n"),
    )
    return VideoLlavaForConditionalGeneration(config), processor
