"""What a model needs of its device, from its configuration alone. Importing this loads no torch."""

from __future__ import annotations

import os
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

TOWER_AT_ONCE = {"cpu": 1 << 22, "gpu": 1 << 25}
"""Bytes of a clip's pixels, in float32, that go through a vision tower together, by kind of device:
on a CPU few, so that a layer's numbers stay in its cache (benchmarks.towers); on a GPU as many as
should keep it busy, some ten thousand patches (not measured)."""


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
    yet; activations are those of the widest moment, of a prefill or in the vision tower."""
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
    activations = max(activations, _in_the_tower(settings, config, frames, device))
    weights = _weights(settings, folder)
    memory = _memory(device)
    spare = int(0.9 * memory) - weights - activations
    fits = max(1, min(MOST_IN_FLIGHT, spare // (kv * longest)))
    if not device.startswith("cuda"):  # a CPU gains only from clips that share a pass
        fits = max(1, min(fits, TOGETHER // longest))
    in_flight = settings.in_flight or fits
    return DeviceMemory(context_of(config), weights, kv, activations, device, memory, in_flight)


def _in_the_tower(settings: Transformers, config: Any, frames: int, device: str) -> int:
    """Bytes of the widest moment in a vision tower, with its pixels: a video's frames go through it
    a few at a time; frames that are shown as pictures, and clips of families whose tower must see
    all of a video (which loading finds out, and the plan does not know), at once."""
    vision = getattr(config, "vision_config", None)
    hidden, inner = (getattr(vision, n, None) for n in ("hidden_size", "intermediate_size"))
    side = getattr(vision, "patch_size", None)
    if not (isinstance(hidden, int) and isinstance(inner, int) and side):
        return 0  # a network of convolutions, say
    side = side if isinstance(side, int) else max(side)
    numbers = 3 * side * side * (getattr(vision, "temporal_patch_size", None) or 1)
    pixels = settings.pixels(frames)
    if settings.frames_as in ("video", "pooled_video"):
        kind = "gpu" if device.startswith("cuda") else "cpu"
        pixels = min(pixels, max(TOWER_AT_ONCE[kind] // 4, pixels // max(1, frames)))
    patches = pixels // numbers
    return int((pixels + patches * (3 * inner + 4 * hidden)) * BYTES[settings.dtype])


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
