"""A checkpoint's configuration as its config.json spells it, read without transformers.

transformers' configuration classes load torch (0.8 s). Planning a run and naming a model need a
few numbers only, and files of today spell them all; where one lacks any, its class must say it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from harness.models.transformers.checkpoint import read_json

TEXT = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "max_position_embeddings",
    "rope_parameters",
)
WHOLE = ("image_grid_pinpoints", "image_token_index", "video_token_index")
VISION = ("image_size", "patch_size", "hidden_size", "intermediate_size")


class SpelledConfig(SimpleNamespace):
    """A configuration's values by name, as transformers' own has them."""

    text_config: Any

    def get_text_config(self) -> Any:
        """The decoder's part."""
        return self.text_config


def rope_parameters(folder: Path) -> dict[str, Any] | None:
    """The decoder's RoPE as the file spells it; None where its class must say it."""
    text = read_json(folder, "config.json").get("text_config")
    found = text.get("rope_parameters") if isinstance(text, Mapping) else None
    return dict(found) if isinstance(found, Mapping) and "rope_theta" in found else None


def spelled(folder: Path) -> SpelledConfig | None:
    """The configuration of a LLaVA-NeXT-Video checkpoint, when the file spells all that planning
    reads; None otherwise, and where layers differ from each other."""
    whole = read_json(folder, "config.json")
    text, vision = whole.get("text_config"), whole.get("vision_config")
    if whole.get("model_type") != "llava_next_video":
        return None
    if not isinstance(text, Mapping) or not isinstance(vision, Mapping):
        return None
    complete = (
        all(whole.get(name) is not None for name in WHOLE)
        and all(vision.get(name) is not None for name in VISION)
        and all(text.get(name) is not None for name in TEXT)
        and text.get("sliding_window") is None
        and rope_parameters(folder) is not None
    )
    if not complete:
        return None
    return SpelledConfig(
        **{name: whole[name] for name in WHOLE},
        text_config=SimpleNamespace(**text),
        vision_config=SimpleNamespace(**vision),
    )
