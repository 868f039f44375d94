"""The GLM-V families."""

from __future__ import annotations

from typing import Any

import torch

from harness.models.transformers.library import transformers
from tests.families.parts import decoder, ids, template, tokenizer

MARKS = {"image_token": "<|image|>", "video_token": "<|video|>"}
AROUND = ["<|begin_of_video|>", "<|end_of_video|>", "<|begin_of_image|>", "<|end_of_image|>"]
TEMPLATE = template(
    "<|begin_of_video|><|video|><|end_of_video|>", "<|begin_of_image|><|image|><|end_of_image|>"
)
KEYS = {
    "image_token_id": "<|image|>",
    "video_token_id": "<|video|>",
    "image_start_token_id": "<|begin_of_image|>",
    "image_end_token_id": "<|end_of_image|>",
    "video_start_token_id": "<|begin_of_video|>",
    "video_end_token_id": "<|end_of_video|>",
}
EYES = {
    "depth": 3,
    "hidden_size": 48,
    "num_heads": 2,
    "image_size": 32,
    "patch_size": 8,
    "out_hidden_size": 64,
    "intermediate_size": 64,
}
ROPE = {"rope_type": "default", "mrope_section": [2, 3, 3], "partial_rotary_factor": 1.0}
SIZE = {"patch_size": 8, "size": {"shortest_edge": 16 * 16, "longest_edge": 6 * 48 * 48}}


def _words() -> Any:
    words = tokenizer(**MARKS)
    words.add_tokens(AROUND, special_tokens=True)
    return words


def _processor(words: Any) -> Any:
    return transformers.Glm4vProcessor(
        image_processor=transformers.Glm4vImageProcessor(**SIZE),
        tokenizer=words,
        video_processor=transformers.Glm4vVideoProcessor(
            **SIZE, max_image_size={"longest_edge": 6 * 48 * 48}
        ),
        chat_template=TEMPLATE,
    )


def glm4v() -> tuple[torch.nn.Module, Any]:
    """GLM-4.1V: a picture per two frames, whole seconds behind it."""
    words = _words()
    config = transformers.Glm4vConfig(
        vision_config=EYES, text_config=decoder(words, rope_parameters=ROPE), **ids(words, **KEYS)
    )
    return transformers.Glm4vForConditionalGeneration(config), _processor(words)


def glm4v_moe() -> tuple[torch.nn.Module, Any]:
    """GLM-4.5V: experts, the first layer dense."""
    words = _words()
    experts = {
        "n_routed_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 32,
        "n_shared_experts": 1,
        "first_k_dense_replace": 1,
    }
    config = transformers.Glm4vMoeConfig(
        vision_config=EYES,
        text_config=decoder(words, rope_parameters=ROPE, **experts),
        **ids(words, **KEYS),
    )
    return transformers.Glm4vMoeForConditionalGeneration(config), _processor(words)


def glm46v() -> tuple[torch.nn.Module, Any]:
    """GLM-4.6V: seconds to a tenth."""
    words = _words()
    config = transformers.Glm46VConfig(
        vision_config=EYES | {"model_type": "glm4v_vision"},
        text_config=decoder(words, model_type="glm4v_text", rope_parameters=ROPE),
        **ids(words, **KEYS),
    )
    processor = transformers.Glm46VProcessor(
        image_processor=transformers.Glm46VImageProcessor(**SIZE),
        tokenizer=words,
        video_processor=transformers.Glm46VVideoProcessor(
            **SIZE, max_image_size={"longest_edge": 6 * 48 * 48}
        ),
        chat_template=TEMPLATE,
    )
    return transformers.Glm46VForConditionalGeneration(config), processor
