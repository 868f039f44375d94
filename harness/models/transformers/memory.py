"""What a model needs of its device, from its configuration alone. Importing this loads no torch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.models.transformers import Transformers

BYTES = {"float16": 2.0, "bfloat16": 2.0, "float32": 4.0}
TEXT = 1000  # tokens of text beside the frames, where only a guess is possible
MOST_IN_FLIGHT = 8  # short answers gain nothing beyond; long ones little: prefill dominates


@dataclass(frozen=True)
class Needs:
    """Bytes, unless said otherwise: ``context`` is in tokens, ``in_flight`` in clips;
    ``memory`` is what ``device`` has in all."""

    context: int
    weights: int
    kv_per_token: int
    activations: int
    device: str
    memory: int
    in_flight: int

    def total(self, tokens: int) -> int:
        """What a run needs when a clip with all its branches takes ``tokens`` tokens."""
        return self.weights + self.activations + self.in_flight * tokens * self.kv_per_token


def estimate(settings: Transformers, config: Any, frames: int) -> Needs:
    """Counts the parameters of a weightless model; activations are those of one prefill."""
    from harness.models.transformers.loading import context_of

    device = settings.resolved_device()
    text = config.text_config
    size = BYTES[settings.dtype]
    heads = text.num_key_value_heads or text.num_attention_heads
    head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    kv = int(2 * text.num_hidden_layers * heads * head * size)
    longest = frames * settings.tokens_per_frame + TEXT
    # the widest moment of a prefill: the MLP's three tensors beside the residual and its norm
    activations = int(longest * (3 * text.intermediate_size + 4 * text.hidden_size) * size)
    if settings.attention == "eager":
        activations += 3 * longest * longest * text.num_attention_heads * 4
    weights = _weights(settings, config)
    memory = _memory(device)
    spare = int(0.9 * memory) - weights - activations
    fits = max(1, min(MOST_IN_FLIGHT, spare // (kv * longest)))
    in_flight = settings.in_flight or (fits if device.startswith("cuda") else 1)
    return Needs(context_of(config), weights, kv, activations, device, memory, in_flight)


def _weights(settings: Transformers, config: Any) -> int:
    import torch
    from transformers import LlavaNextVideoForConditionalGeneration

    with torch.device("meta"):
        model = LlavaNextVideoForConditionalGeneration(config)
    inner = sum(
        module.weight.numel()
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and "lm_head" not in name
    )
    whole = sum(parameter.numel() for parameter in model.parameters())
    # quantised linear layers take a half or one byte a weight, and a little for their scales
    quantised = {"none": BYTES[settings.dtype], "nf4": 0.53, "int8": 1.01}[settings.quantization]
    return int((whole - inner) * BYTES[settings.dtype] + inner * quantised)


def _memory(device: str) -> int:
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.get_device_properties(torch.device(device)).total_memory)
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
