"""What a model needs of its device, from its configuration alone. Importing this loads no torch."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.models.transformers.checkpoint import parameters

if TYPE_CHECKING:
    from harness.models.transformers import Transformers

BYTES = {"float16": 2.0, "bfloat16": 2.0, "float32": 4.0}
TEXT = 1000  # tokens of text beside the frames, where only a guess is possible
TOGETHER = 8192  # tokens a pass that several prefixes and suffixes share; a longer one is alone
MOST_IN_FLIGHT = 8  # short answers gain nothing beyond; long ones little: prefill dominates


@dataclass(frozen=True)
class DeviceMemory:
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


def estimate(settings: Transformers, folder: Path, config: Any, frames: int) -> DeviceMemory:
    """Counts parameters in the files' headers, or of a weightless model where they are not there
    yet; activations are those of one prefill."""
    from harness.models.transformers.configuration import context_of

    device = settings.resolved_device()
    text = config.get_text_config()
    size = BYTES[settings.dtype]
    kv = int(sum(map(_kept, layers_of(text))) * size)
    longest = settings.clip_tokens(frames) + TEXT
    # the widest moment of a prefill: the MLP's three tensors beside the residual and its norm
    inner = getattr(text, "intermediate_size", None) or 4 * text.hidden_size
    inner = max(inner) if isinstance(inner, list | tuple) else inner  # Gemma 3n: one a layer
    activations = int(longest * (3 * inner + 4 * text.hidden_size) * size)
    if settings.attention == "eager":
        activations += 3 * longest * longest * text.num_attention_heads * 4
    weights = _weights(settings, folder)
    memory = _memory(device)
    spare = int(0.9 * memory) - weights - activations
    fits = max(1, min(MOST_IN_FLIGHT, spare // (kv * longest)))
    if not device.startswith("cuda"):  # a CPU gains only from clips that share a pass
        fits = max(1, min(fits, TOGETHER // longest))
    in_flight = settings.in_flight or fits
    return DeviceMemory(context_of(config), weights, kv, activations, device, memory, in_flight)


def layers_of(text: Any) -> list[Any]:
    """Each layer's configuration: they differ in Gemma 4."""
    count = range(text.num_hidden_layers)
    different = getattr(text, "per_layer_config", None)
    return [text if different is None else different[i] for i in count]


def _kept(layer: Any) -> int:
    """Numbers that a layer keeps of a token, as keys and values."""
    heads = getattr(layer, "num_key_value_heads", None) or layer.num_attention_heads
    return int(heads) * sum(head_dims(layer))


def head_dims(layer: Any) -> tuple[int, int]:
    """Numbers of a head's key (and query), and of its value: other ones in latent attention (MLA),
    whose ``head_dim`` is the rotated part's alone."""
    usual = getattr(layer, "head_dim", None) or layer.hidden_size // layer.num_attention_heads
    key, value = (getattr(layer, name, None) or usual for name in ("qk_head_dim", "v_head_dim"))
    return int(key), int(value)


def may_have_gpu() -> bool:
    """Whether a GPU that torch could use may be there, without loading torch to ask it: on Linux
    its driver's device files say so (NVIDIA's, NVIDIA's under Windows, AMD's)."""
    if sys.platform != "linux":
        return True
    return any(Path("/dev", name).exists() for name in ("nvidiactl", "nvidia0", "dxg", "kfd"))


def _weights(settings: Transformers, folder: Path) -> int:
    if settings.quantization == "none" and (found := parameters(folder)):
        return int(found * BYTES[settings.dtype])
    return _weightless_bytes(settings, folder)


def weightless(settings: Transformers, folder: Path) -> Any:
    """The model on torch's meta device: shapes without numbers."""
    import torch

    from harness.models.transformers.configuration import read_config
    from harness.models.transformers.library import transformers

    config = read_config(settings, folder)
    with torch.device("meta"):
        if settings.by_processor:
            return transformers.AutoModelForImageTextToText.from_config(config)
        return transformers.LlavaNextVideoForConditionalGeneration(config)


def _weightless_bytes(settings: Transformers, folder: Path) -> int:
    import torch

    model = weightless(settings, folder)
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
