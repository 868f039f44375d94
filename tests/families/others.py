"""Molmo2, Kimi-K2.5 and MiniCPM-V."""

from __future__ import annotations

from typing import Any

import torch

from harness.models.transformers.library import transformers
from tests.families.parts import decoder, ids, template, tokenizer

SQUARE = {"height": 32, "width": 32}


def molmo2() -> tuple[torch.nn.Module, Any]:
    """Pooled patches between frame marks behind their seconds, attending both ways."""
    words = tokenizer(image_token="<|image|>", video_token="<|video|>")
    marks = ["<im_start>", "<im_end>", "<im_patch>", "<im_col>", "<low_res_im_start>"]
    words.add_tokens([*marks, "<frame_start>", "<frame_end>", "<im_low>"], special_tokens=True)
    eyes = {"hidden_size": 48, "intermediate_size": 64, "num_attention_heads": 2, "head_dim": 24}
    eyes |= {"num_key_value_heads": 2}
    keys = {
        "image_start_token_id": "<im_start>",
        "low_res_image_start_token_id": "<low_res_im_start>",
        "image_end_token_id": "<im_end>",
        "image_patch_id": "<im_patch>",
        "frame_start_token_id": "<frame_start>",
        "frame_end_token_id": "<frame_end>",
    }
    text = decoder(words, head_dim=16, additional_vocab_size=8)
    config = transformers.Molmo2Config(
        vision_config=eyes | {"num_hidden_layers": 3, "image_size": [32, 32], "patch_size": 8},
        adapter_config=eyes | {"vision_feature_layer": [2, 1], "text_hidden_size": 64},
        text_config=text,
        **ids(words, **keys),
    )
    processor = transformers.Molmo2Processor(
        image_processor=transformers.Molmo2ImageProcessor(
            size=SQUARE, patch_size=8, max_crops=2, overlap_margins=[1, 1]
        ),
        video_processor=transformers.Molmo2VideoProcessor(
            size=SQUARE, patch_size=8, pooling_size=[2, 2]
        ),
        tokenizer=words,
        chat_template=template("<|video|>", "<|image|>", bos="<s>"),
    )
    return transformers.Molmo2ForConditionalGeneration(config), processor


def kimi_k25() -> tuple[torch.nn.Module, Any]:
    """Latent attention (MLA) and experts; four frames a picture, behind their time."""
    words = tokenizer(image_token="<|media_pad|>", video_token="<|kimi_k25_video_placeholder|>")
    marks = ["<|media_begin|>", "<|media_content|>", "<|media_end|>"]
    words.add_tokens(marks, special_tokens=True)
    keys = {
        "image_token_id": "<|media_pad|>",
        "video_token_id": "<|kimi_k25_video_placeholder|>",
        "vision_start_token_id": "<|media_begin|>",
        "vision_end_token_id": "<|media_end|>",
    }
    config = transformers.Kimi_K25Config(
        vision_config={
            "patch_size": 8,
            "pos_emb_height": 8,
            "pos_emb_width": 8,
            "num_attention_heads": 2,
            "num_hidden_layers": 3,
            "hidden_size": 48,
            "intermediate_size": 64,
        },
        text_config=decoder(
            words,
            model_type="deepseek_v3",
            num_key_value_heads=4,
            moe_intermediate_size=32,
            n_routed_experts=4,
            num_experts_per_tok=2,
            n_group=2,
            topk_group=1,
            first_k_dense_replace=1,
            kv_lora_rank=16,
            q_lora_rank=24,
            qk_rope_head_dim=8,
            qk_nope_head_dim=16,
            v_head_dim=16,
        ),
        projection_hidden_size=48,
        tie_word_embeddings=False,
        **ids(words, **keys),
    )
    processor = transformers.Kimi_K25Processor(
        image_processor=transformers.Kimi_K25ImageProcessor(patch_size=8, max_patches=64),
        tokenizer=words,
        video_processor=transformers.Kimi_K25VideoProcessor(patch_size=8, max_patches=64),
        chat_template=template(
            "<|kimi_k25_video_placeholder|>",
            "<|media_begin|>image<|media_content|><|media_pad|><|media_end|>",
        ),
    )
    return transformers.Kimi_K25ForConditionalGeneration(config), processor


def minicpmv4_6() -> tuple[torch.nn.Module, Any]:
    """Pictures in slices; three of four layers are linear attention."""
    marks = {
        "image_token": "<image_pad>",
        "video_token": "<video_pad>",
        "image_start_token": "<image>",
        "image_end_token": "</image>",
        "slice_start_token": "<slice>",
        "slice_end_token": "</slice>",
        "image_id_start_token": "<image_id>",
        "image_id_end_token": "</image_id>",
    }
    words = tokenizer(**marks)
    config = transformers.MiniCPMV4_6Config(
        vision_config={
            "hidden_size": 48,
            "intermediate_size": 64,
            "num_hidden_layers": 3,
            "num_attention_heads": 2,
            "image_size": 64,
            "patch_size": 8,
            "insert_layer_id": 1,
        },
        text_config=decoder(
            words,
            model_type="qwen3_5_text",
            head_dim=16,
            num_hidden_layers=4,
            linear_key_head_dim=16,
            linear_value_head_dim=16,
            linear_num_key_heads=2,
            linear_num_value_heads=4,
        ),
        insert_layer_id=1,
        image_size=64,
        **ids(words, image_token_id="<image_pad>", video_token_id="<video_pad>"),
    )
    sizes = {"scale_resolution": 64, "patch_size": 8, "max_slice_nums": 2}
    processor = transformers.MiniCPMV4_6Processor(
        image_processor=transformers.MiniCPMV4_6ImageProcessor(**sizes),
        video_processor=transformers.MiniCPMV4_6VideoProcessor(**sizes),
        tokenizer=words,
        chat_template=template("<video_pad>", "<image_pad>"),
    )
    return transformers.MiniCPMV4_6ForConditionalGeneration(config), processor
