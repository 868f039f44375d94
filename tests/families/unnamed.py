"""Families that no YAML names: what ``model=hub`` runs of them, it has to find out by itself."""

from __future__ import annotations

from typing import Any

import torch

from harness.models.transformers.library import transformers
from tests.families.google import PICTURE, SOUND
from tests.families.parts import decoder, ids, template, tokenizer
from tests.families.qwen import CLIP_SIZES, EYES, KEYS, MARKS, MROPE, SIZES, TEMPLATE

OMNI = {
    "image_token": "<|IMAGE|>",
    "video_token": "<|VIDEO|>",
    "audio_token": "<|AUDIO|>",
    "vision_bos_token": "<|vision_bos|>",
    "vision_eos_token": "<|vision_eos|>",
    "audio_bos_token": "<|audio_bos|>",
    "audio_eos_token": "<|audio_eos|>",
}


def qwen2_5_omni() -> tuple[torch.nn.Module, Any]:
    """A whole omni checkpoint: the thinker, which sees, beside a talker; the processor knows the
    frames' rate by a setting of its call alone."""
    words = tokenizer(**OMNI)
    marks = {
        "image_token_index": "<|IMAGE|>",
        "video_token_index": "<|VIDEO|>",
        "audio_token_index": "<|AUDIO|>",
        "vision_start_token_id": "<|vision_bos|>",
        "vision_end_token_id": "<|vision_eos|>",
        "audio_start_token_id": "<|audio_bos|>",
        "audio_end_token_id": "<|audio_eos|>",
    }
    towers = {"hidden_size": 48, "intermediate_size": 64, "window_size": 32}
    ears = {"encoder_layers": 1, "d_model": 32, "encoder_attention_heads": 2}
    thinker = {
        "vision_config": EYES | towers | {"fullatt_block_indexes": [1]},
        "audio_config": ears | {"encoder_ffn_dim": 32, "output_dim": 64, "num_mel_bins": 128},
        "text_config": decoder(words, rope_parameters=MROPE, max_position_embeddings=16384),
        **ids(words, **marks),
    }
    config = transformers.Qwen2_5OmniConfig(thinker_config=thinker, enable_audio_output=False)
    processor = transformers.Qwen2_5OmniProcessor(
        image_processor=transformers.Qwen2VLImageProcessor(**SIZES),
        video_processor=transformers.Qwen2VLVideoProcessor(**SIZES, cap_pixels_per_frame=False),
        feature_extractor=transformers.WhisperFeatureExtractor(feature_size=128),
        tokenizer=words,
        chat_template=template(
            "<|vision_bos|><|VIDEO|><|vision_eos|>", "<|vision_bos|><|IMAGE|><|vision_eos|>"
        ),
    )
    return transformers.Qwen2_5OmniForConditionalGeneration(config), processor


def lfm3_vl() -> tuple[torch.nn.Module, Any]:
    """Short convolutions beside sliding and full attention."""
    words = tokenizer(**MARKS)
    layers = ["conv", "full_attention", "conv", "sliding_attention"]
    config = transformers.Lfm3VlConfig(
        vision_config={
            "hidden_size": 48,
            "intermediate_size": 64,
            "num_hidden_layers": 3,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "patch_size": 8,
        },
        projector_hidden_size=64,
        text_config=decoder(
            words, model_type="lfm3", num_hidden_layers=4, layer_types=layers, sliding_window=24
        ),
        **ids(words, **KEYS),
    )
    processor = transformers.Lfm3VlProcessor(
        image_processor=transformers.Qwen2VLImageProcessor(**SIZES),
        tokenizer=words,
        video_processor=transformers.Qwen3VLVideoProcessor(
            **CLIP_SIZES, cap_pixels_per_frame=False
        ),
        chat_template=TEMPLATE,
    )
    return transformers.Lfm3VlForConditionalGeneration(config), processor


def llama4() -> tuple[torch.nn.Module, Any]:
    """Attention in chunks, and a language model with a head of its own inside."""
    words = tokenizer()
    marks = ["<|image|>", "<|image_start|>", "<|image_end|>", "<|patch|>"]
    words.add_tokens([*marks, "<|tile_x_separator|>", "<|tile_y_separator|>"], special_tokens=True)
    config = transformers.Llama4Config(
        text_config=decoder(
            words,
            head_dim=16,
            num_hidden_layers=4,
            intermediate_size_mlp=96,
            num_local_experts=2,
            num_experts_per_tok=1,
            interleave_moe_layer_step=2,
            attention_chunk_size=64,
            no_rope_layer_interval=4,
        ),
        vision_config={
            "hidden_size": 48,
            "intermediate_size": 192,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 32,
            "patch_size": 8,
            "vision_output_dim": 48,
            "projector_input_dim": 48,
            "projector_output_dim": 48,
        },
        **ids(words, image_token_index="<|patch|>"),
    )
    processor = transformers.Llama4Processor(
        image_processor=transformers.Llama4ImageProcessor(
            size={"height": 32, "width": 32}, max_patches=2
        ),
        tokenizer=words,
        patch_size=8,
        chat_template=template(None, "<|image|>"),
    )
    return transformers.Llama4ForConditionalGeneration(config), processor


def gemma4_unified() -> tuple[torch.nn.Module, Any]:
    """No tower: patches go into the decoder; pictures attend both ways in sliding layers only."""
    words = tokenizer(**PICTURE, **SOUND)
    words.add_special_tokens({"additional_special_tokens": ["<|video|>"]})
    marks = {f"{name}_id": token for name, token in (PICTURE | SOUND).items()}
    text = {
        "head_dim": 16,
        "global_head_dim": 32,
        "num_hidden_layers": 4,
        "sliding_window": 24,
        "layer_types": ["sliding_attention", "full_attention"] * 2,
        "use_bidirectional_attention": "vision",
        "final_logit_softcapping": 30.0,
    }
    sizes = {"patch_size": 8, "pooling_kernel_size": 2}
    config = transformers.Gemma4UnifiedConfig(
        text_config=decoder(words, **text),
        vision_config=sizes | {"mm_embed_dim": 32, "output_proj_dims": 32},
        **ids(words, **marks, video_token_id="<|video|>"),
    )
    processor = transformers.Gemma4UnifiedProcessor(
        feature_extractor=transformers.Gemma4UnifiedAudioFeatureExtractor(),
        image_processor=transformers.Gemma4UnifiedImageProcessor(**sizes, max_soft_tokens=70),
        tokenizer=words,
        video_processor=transformers.Gemma4UnifiedVideoProcessor(**sizes, max_soft_tokens=70),
        chat_template=template("<|video|>", "<image>", bos="<s>"),
    )
    return transformers.Gemma4UnifiedForConditionalGeneration(config), processor
