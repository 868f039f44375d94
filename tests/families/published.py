"""Each family's tiny configuration brought to the widths of a 7B to 9B: the same structure, with
heads and widths as large ones have them, and few layers.

The decoder gets 4 layers of width 4,096 with 32 heads over 8 of keys and values, 128 wide (Qwen3's
8B, as in ``benchmarks.families``), the tower 3 layers of width 1,152 with 16 heads (SigLIP's
so400m). What is a family's own (kinds of layers, latent attention, experts) keeps its structure;
the two Gemmas whose layers differ from each other have their class's own widths, in 12 layers that
are of both kinds before and among those that share keys and values. Pictures, their
patches and the vocabulary stay tiny: no tensor of a decoder layer depends on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from tests import families

LAYERS, DEPTH, OWN_LAYERS = 4, 3, 12
TEXT: Mapping[str, int] = {
    "hidden_size": 4096,
    "intermediate_size": 12288,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "moe_intermediate_size": 1536,
    "kv_lora_rank": 512,  # latent attention as in DeepSeek-V3
    "q_lora_rank": 1536,
    "qk_rope_head_dim": 64,
    "qk_nope_head_dim": 128,
    "v_head_dim": 128,
    "linear_key_head_dim": 128,
    "linear_value_head_dim": 128,
    "linear_num_key_heads": 16,
    "linear_num_value_heads": 32,
}
TOWER: Mapping[str, int] = {
    "hidden_size": 1152,
    "embed_dim": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": DEPTH,
    "depth": DEPTH,
    "num_heads": 16,
    "num_attention_heads": 16,
    "num_key_value_heads": 16,
    "head_dim": 72,
    "out_hidden_size": 4096,
}


def at_7b(name: str) -> Any:
    """The family's configuration with such shapes."""
    with torch.device("meta"):
        model, _ = families.FAMILIES[name].make()
    tiny: Any = model.config
    spelled = tiny.to_dict()
    text = spelled["text_config"]
    if any(isinstance(text.get(k), list) for k in ("intermediate_size", "per_layer_config")) or (
        text.get("hidden_size_per_layer_input")
    ):
        return _own_numbers(tiny)
    spelled["text_config"] = _text(text)
    vision = _larger(spelled["vision_config"], TOWER)
    if "embed_dim" in vision:  # Qwen2-VL's other width is the decoder's
        vision["hidden_size"] = TEXT["hidden_size"]
    spelled["vision_config"] = vision
    if spelled.get("hidden_size") == text["hidden_size"]:
        spelled["hidden_size"] = TEXT["hidden_size"]
    if "projection_hidden_size" in spelled:  # Kimi-K2.5's norm before its patches are merged
        spelled["projection_hidden_size"] = TOWER["hidden_size"]
    if "adapter_config" in spelled:
        adapter = _larger(spelled["adapter_config"], TOWER)
        spelled["adapter_config"] = adapter | {"text_hidden_size": TEXT["hidden_size"]}
    return type(tiny).from_dict(spelled)


def _own_numbers(tiny: Any) -> Any:
    eyes = tiny.to_dict()["vision_config"]
    sizes = {n: eyes[n] for n in ("patch_size", "pooling_kernel_size") if n in eyes}
    shared = tiny.get_text_config().num_kv_shared_layers and OWN_LAYERS // 3
    text = {"num_hidden_layers": OWN_LAYERS, "num_kv_shared_layers": shared}
    made = type(tiny)(vision_config=sizes, text_config=text)
    for key, value in tiny.to_dict().items():
        if key.endswith(("_token_id", "_token_index")) and value is not None:
            setattr(made, key, value)
    return made


def _text(tiny: Mapping[str, Any]) -> dict[str, Any]:
    text = _larger(tiny, TEXT)
    if "qk_rope_head_dim" in text:  # of latent attention's heads, what positions turn
        text["head_dim"] = TEXT["qk_rope_head_dim"]
        text["num_key_value_heads"] = TEXT["num_attention_heads"]
    if isinstance(tiny.get("layer_types"), list):
        kinds = tiny["layer_types"]
        text["layer_types"] = [kinds[i % len(kinds)] for i in range(LAYERS)]
    rope = text.get("rope_parameters")
    if isinstance(rope, Mapping) and "mrope_section" in rope:
        by = TEXT["head_dim"] // (tiny.get("head_dim") or 16)
        sections = [by * size for size in rope["mrope_section"]]
        text["rope_parameters"] = {**rope, "mrope_section": sections}
    return text


def _larger(tiny: Mapping[str, Any], numbers: Mapping[str, int]) -> dict[str, Any]:
    """What the tiny one has of these, so large."""
    known = {n: v for n, v in numbers.items() if isinstance(tiny.get(n), int)}
    return {**tiny, **known}
