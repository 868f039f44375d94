"""Families with a way of their own to show pictures."""

from __future__ import annotations

from typing import Any

import torch

from harness.models.transformers.library import transformers
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
    config = transformers.InternVLConfig(
        vision_config=tower(image_size=[32, 32], patch_size=[8, 8]),
        text_config=decoder(words, model_type="qwen2"),
        image_seq_length=4,
        tie_word_embeddings=False,
        **ids(words, image_token_id="<IMG_CONTEXT>"),
    )
    processor = transformers.InternVLProcessor(
        image_processor=transformers.GotOcr2ImageProcessor(size=SQUARE, max_patches=4),
        tokenizer=words,
        video_processor=transformers.InternVLVideoProcessor(size=SQUARE),
        image_seq_length=4,
        chat_template=template("<video>\n", "<IMG_CONTEXT>\n"),
    )
    return transformers.InternVLForConditionalGeneration(config), processor


SMOL = {
    "fake_image_token": "<fake_token_around_image>",
    "image_token": "<image>",
    "end_of_utterance_token": "<end_of_utterance>",
    "global_image_token": "<global-img>",
    "video_token": "<video>",
}
SMOL_SIZES = {"size": {"longest_edge": 64}, "max_image_size": {"longest_edge": 32}}


def smolvlm() -> tuple[torch.nn.Module, Any]:
    """The number of frames and the clip's length in words, then each frame behind its time."""
    words = tokenizer(**SMOL)
    config = transformers.SmolVLMConfig(
        vision_config=tower(),
        text_config=decoder(words, model_type="llama"),
        scale_factor=2,
        **ids(words, image_token_id="<image>"),
    )
    processor = transformers.SmolVLMProcessor(
        image_processor=transformers.SmolVLMImageProcessor(**SMOL_SIZES),
        tokenizer=words,
        video_processor=transformers.SmolVLMVideoProcessor(**SMOL_SIZES),
        image_seq_len=4,
        chat_template=template("<video>", "<image>"),
    )
    return transformers.SmolVLMForConditionalGeneration(config), processor


def idefics3() -> tuple[torch.nn.Module, Any]:
    """Every frame in rows and columns of tiles."""
    words = tokenizer(**SMOL)
    words.add_tokens([f"<row_{r}_col_{c}>" for r in (1, 2) for c in (1, 2)], special_tokens=True)
    config = transformers.Idefics3Config(
        vision_config=tower(),
        text_config=decoder(words, model_type="llama"),
        scale_factor=2,
        **ids(words, image_token_id="<image>"),
    )
    processor = transformers.Idefics3Processor(
        image_processor=transformers.Idefics3ImageProcessor(**SMOL_SIZES),
        tokenizer=words,
        image_seq_len=4,
        chat_template=template(None, "<image>"),
    )
    return transformers.Idefics3ForConditionalGeneration(config), processor


def video_llama_3() -> tuple[torch.nn.Module, Any]:
    """Tokens that hardly change from frame to frame are left out."""
    words = tokenizer(image_token="<|image_pad|>", video_token="<|video_pad|>")
    config = transformers.VideoLlama3Config(
        vision_config={
            "hidden_size": 48,
            "intermediate_size": 64,
            "num_hidden_layers": 3,
            "num_attention_heads": 2,
            "patch_size": 8,
        },
        text_config=decoder(words, model_type="qwen2"),
        **ids(words, image_token_id="<|image_pad|>", video_token_id="<|video_pad|>"),
    )
    size = {"shortest_edge": 16 * 16, "longest_edge": 6 * 48 * 48}
    processor = transformers.VideoLlama3Processor(
        image_processor=transformers.VideoLlama3ImageProcessor(patch_size=8, size=size),
        tokenizer=words,
        video_processor=transformers.VideoLlama3VideoProcessor(patch_size=8, size=size),
        chat_template=template("<|video_pad|>\n", "<|image_pad|>\n"),
    )
    return transformers.VideoLlama3ForConditionalGeneration(config), processor


def perception_lm() -> tuple[torch.nn.Module, Any]:
    """A tower of timm's (Perception Encoder), pooled by 2."""
    words = tokenizer(image_token="<|image|>", video_token="<|video|>")
    config = transformers.PerceptionLMConfig(
        vision_config={
            "model_type": "timm_wrapper",
            "architecture": "vit_pe_core_tiny_patch16_384",
            "do_pooling": False,
            "num_classes": 0,
            "global_pool": "map",
            "model_args": {
                "embed_dim": 48,
                "depth": 2,
                "num_heads": 2,
                "img_size": [32, 32],
                "patch_size": 8,
                "ref_feat_shape": [4, 4],
                "global_pool": "",
                "use_post_transformer_norm": False,
            },
        },
        text_config=decoder(words, model_type="llama"),
        vision_use_cls_token=True,
        projector_pooling_ratio=2,
        **ids(words, image_token_id="<|image|>", video_token_id="<|video|>"),
    )
    config.vision_config.num_features = 48
    processor = transformers.PerceptionLMProcessor(
        video_processor=transformers.PerceptionLMVideoProcessor(size=SQUARE),
        image_processor=transformers.PerceptionLMImageProcessor(
            size=SQUARE, tile_size=32, max_num_tiles=4
        ),
        tokenizer=words,
        patch_size=8,
        pooling_ratio=2,
        chat_template=template("<|video|>", "<|image|>"),
    )
    return transformers.PerceptionLMForConditionalGeneration(config), processor


def aya_vision() -> tuple[torch.nn.Module, Any]:
    """Cohere2: a sliding window in three layers of four, no positions in the others."""
    marks = ["<|START_OF_IMG|>", "<|END_OF_IMG|>", "<|IMG_PATCH|>", "TILE", "TILE_GLOBAL"]
    words = tokenizer(image_token="<image>")
    words.add_tokens([*marks, "TILE_1", "TILE_2"], special_tokens=True)
    config = transformers.AyaVisionConfig(
        vision_config=tower(model_type="siglip_vision_model", vision_use_head=False),
        text_config=decoder(
            words, model_type="cohere2", num_hidden_layers=4, sliding_window=24, logit_scale=0.25
        ),
        downsample_factor=2,
        **ids(words, image_token_index="<|IMG_PATCH|>"),
    )
    processor = transformers.AyaVisionProcessor(
        image_processor=transformers.GotOcr2ImageProcessor(size=SQUARE, max_patches=2),
        tokenizer=words,
        patch_size=8,
        img_size=32,
        downsample_factor=2,
        chat_template=template(None, "<image>", bos="<s>"),
    )
    return transformers.AyaVisionForConditionalGeneration(config), processor


def mistral3() -> tuple[torch.nn.Module, Any]:
    """Pixtral: rows of patches end in a break, pictures keep their shape."""
    words = tokenizer(image_token="[IMG]", break_token="[IMG_BREAK]", end_token="[IMG_END]")
    config = transformers.Mistral3Config(
        vision_config={"model_type": "pixtral"} | tower(image_size=64),
        text_config=decoder(words, model_type="mistral", head_dim=16, sliding_window=None),
        spatial_merge_size=2,
        vision_feature_layer=-1,
        tie_word_embeddings=False,
        **ids(words, image_token_index="[IMG]"),
    )
    processor = transformers.PixtralProcessor(
        image_processor=transformers.PixtralImageProcessor(patch_size=8, size={"longest_edge": 48}),
        tokenizer=words,
        patch_size=8,
        spatial_merge_size=2,
        chat_template=template(None, "[IMG]", bos="<s>"),
    )
    return transformers.Mistral3ForConditionalGeneration(config), processor


def ovis2() -> tuple[torch.nn.Module, Any]:
    """Pictures as mixtures of visual words."""
    marks = ["<IMG_START>", "<IMG_GRID>", "<IMG_COL>", "<IMG_ROW>", "<IMG_END>"]
    words = tokenizer(image_token="<image>")
    words.add_tokens(["<IMG_ATOM>", *marks], special_tokens=True)
    config = transformers.Ovis2Config(
        vision_config=tower(vocab_size=64, hidden_stride=2),
        text_config=decoder(words, model_type="qwen2"),
        visual_indicator_token_ids=words.convert_tokens_to_ids(marks),
        vocab_size=len(words),
        hidden_size=64,
        **ids(words, image_token_id="<IMG_ATOM>"),
    )
    processor = transformers.Ovis2Processor(
        image_processor=transformers.Ovis2ImageProcessor(size=SQUARE),
        tokenizer=words,
        image_seq_length=4,
        chat_template=template(None, "<image>"),
    )
    return transformers.Ovis2ForConditionalGeneration(config), processor
