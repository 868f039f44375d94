"""How questions share what they begin with: packed behind one prefix, or a copied cache each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import torch

from harness.models.transformers.branches import ActiveClip, Branch
from harness.models.transformers.copied import Copied
from harness.models.transformers.decoder import Decoder
from harness.models.transformers.packed import Packed
from harness.models.transformers.prefix import Prompts

Sharing = Literal["auto", "packed", "copied", "none"]

PACKABLE = {"full_attention", "sliding_attention", "chunked_attention"}


class Way(Protocol):
    """How a clip's prompts are computed, and then every next token."""

    def prefill(self, clips: Sequence[tuple[ActiveClip, Prompts]]) -> list[torch.Tensor]:
        """Clips' prompts; for each clip the first logits [branches, vocab] float32."""
        ...

    def step(self, active: Sequence[ActiveClip]) -> tuple[list[Branch], torch.Tensor | None]:
        """One new token for every unfinished branch: whose they are, and their next logits."""
        ...


def choose(sharing: Sharing, model: Any) -> Literal["packed", "copied", "none"]:
    """``auto`` as the model's configuration says: packed where all its layers attend to keys and
    values, copied where some keep a state of another kind (linear attention, convolutions)."""
    if sharing != "auto":
        return sharing
    config = model.config.get_text_config()
    types = getattr(config, "layer_types", None)
    mixed = getattr(config, "layers_block_type", None) is not None
    if mixed or getattr(model, "_is_stateful", False):
        return "copied"
    return "packed" if types is None or set(types) <= PACKABLE else "copied"


def make(sharing: Literal["packed", "copied", "none"], decoder: Decoder) -> Way:
    """The way of this name."""
    return Packed(decoder) if sharing == "packed" else Copied(decoder, sharing == "copied")
