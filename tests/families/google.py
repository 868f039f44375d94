"""The Gemma families."""

from __future__ import annotations

from typing import Any

import torch

from harness.models.transformers.library import transformers
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
    config = transformers.Gemma3Config(
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
    processor = transformers.Gemma3Processor(
        image_processor=transformers.Gemma3ImageProcessor(size=SQUARE),
        tokenizer=words,
        chat_template=template(None, "<start_of_image>", bos="<s>"),
        image_seq_length=4,
    )
    return transformers.Gemma3ForConditionalGeneration(config), processor


SOUND = {"audio_token": "<audio>", "boa_token": "<boa>", "eoa_token": "<eoa>"}
PICTURE = {"image_token": "<image>", "boi_token": "<boi>", "eoi_token": "<eoi>"}


def gemma3n() -> tuple[torch.nn.Module, Any]:
    """Per-layer inputs, AltUp, keys and values shared by the last layers, soft-capped logits."""
    words = tokenizer(**PICTURE, **SOUND)
    marks = {f"{name.removesuffix('_token')}_token_id": t for name, t in (PICTURE | SOUND).items()}
    size = len(words)
    config = transformers.Gemma3nConfig(
        text_config=decoder(
            words,
            vocab_size=size + 8,
            vocab_size_per_layer_input=size,
            head_dim=16,
            num_hidden_layers=4,
            hidden_size_per_layer_input=8,
            num_kv_shared_layers=1,
            laurel_rank=8,
            sliding_window=24,
            layer_types=["sliding_attention", "full_attention"] * 2,
        ),
        vision_config={
            "architecture": "mobilenetv5_base",
            "model_args": {"channel_multiplier": 0.0625},
            "hidden_size": 2048,
            "vocab_size": 4,
            "vocab_offset": size,
        },
        audio_config={
            "vocab_size": 4,
            "vocab_offset": size + 4,
            "hidden_size": 32,
            "conf_num_attention_heads": 2,
            "conf_num_hidden_layers": 1,
        },
        vision_soft_tokens_per_image=256,  # whatever the size: the tower resamples to 16 × 16
        **ids(words, **marks),
    )
    processor = transformers.Gemma3nProcessor(
        feature_extractor=transformers.Gemma3nAudioFeatureExtractor(),
        image_processor=transformers.SiglipImageProcessor(size=SQUARE),
        tokenizer=words,
        chat_template=template(None, "<image>", bos="<s>"),
        image_seq_length=256,
    )
    return transformers.Gemma3nForConditionalGeneration(config), processor


def gemma4() -> tuple[torch.nn.Module, Any]:
    """Sliding and full layers of other widths, per-layer inputs, shared keys and values; frames
    behind their times, attending both ways."""
    words = tokenizer(**PICTURE, **SOUND)
    words.add_special_tokens({"additional_special_tokens": ["<|video|>"]})
    marks = {"boi_token_id": "<boi>", "eoi_token_id": "<eoi>", "image_token_id": "<image>"}
    marks |= {"video_token_id": "<|video|>", "audio_token_id": "<audio>", "boa_token_id": "<boa>"}
    config = transformers.Gemma4Config(
        text_config=decoder(
            words,
            vocab_size_per_layer_input=len(words),
            head_dim=16,
            global_head_dim=32,
            num_hidden_layers=4,
            hidden_size_per_layer_input=8,
            num_kv_shared_layers=1,
            sliding_window=24,
            layer_types=["sliding_attention", "full_attention"] * 2,
            use_bidirectional_attention="vision",
            final_logit_softcapping=30.0,
        ),
        vision_config={
            "hidden_size": 48,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "head_dim": 24,
            "patch_size": 8,
            "pooling_kernel_size": 2,
            "position_embedding_size": 64,
        },
        **ids(words, **marks),
    )
    sizes = {"patch_size": 8, "pooling_kernel_size": 2}
    processor = transformers.Gemma4Processor(
        feature_extractor=transformers.Gemma4AudioFeatureExtractor(),
        image_processor=transformers.Gemma4ImageProcessor(**sizes, max_soft_tokens=70),
        tokenizer=words,
        video_processor=transformers.Gemma4VideoProcessor(**sizes, max_soft_tokens=70),
        chat_template=template("<|video|>", "<image>", bos="<s>"),
    )
    return transformers.Gemma4ForConditionalGeneration(config), processor
