"""The operations that a clip needs when all that its questions share is computed once.

Within a hundredth of what torch's own counter finds in a pass of most families' tiny builds (tests
say which); a chip's peak rate makes it the least time that a run can take. Importing this loads no
torch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.models.transformers.checkpoint import shapes
from harness.models.transformers.memory import layers_of
from harness.models.transformers.tower import Tower, attending, tower_of

if TYPE_CHECKING:
    import torch

CHUNK = 64
"""Tokens that linear attention takes at a time."""


@dataclass(frozen=True)
class Weights:
    """Of a model: weights that work for every token of the decoder (of experts, those that are
    chosen), and for every new token beside (``head``); what a picture costs its ``tower``;
    ``per_pair`` the attention's operations for a token and one that it sees, in all layers that see
    the whole prompt; ``windows`` the same for layers with a window, with its length."""

    decoder: float
    head: float
    tower: Tower
    per_pair: float
    windows: tuple[float, int] = (0.0, 0)


def weights_of(model: Any) -> Weights:
    """Counted on a model, which may be weightless (on the meta device)."""
    decoder = model.get_decoder()
    text = decoder.config.get_text_config()
    known = {id(p) for p in decoder.parameters()}
    head = model.get_output_embeddings()
    heads = {id(p) for p in head.parameters()} if head is not None else set()
    full, sliding, window = _attention(text)
    return Weights(
        decoder=sum(_working(decoder, text)),
        head=float(sum(p.numel() for p in head.parameters())) if head is not None else 0.0,
        tower=tower_of(model, known | heads),
        per_pair=full,
        windows=(sliding, window),
    )


def weights_in_files(folder: Path, config: Any) -> Weights | None:
    """The same of a LLaVA-NeXT-Video checkpoint, by the headers of its files; None without them."""
    found = {name: shape for name, shape in shapes(folder).items() if len(shape) >= 2}
    sizes = {name: float(math.prod(shape)) for name, shape in found.items()}
    patches = [shape for name, shape in found.items() if "patch_embedding" in name]
    if not patches:
        return None
    head = sum(size for name, size in sizes.items() if "lm_head" in name)
    tower = {n: s for n, s in sizes.items() if "vision_tower" in n or "projector" in n}
    decoder = sum(
        size
        for name, size in sizes.items()
        if name not in tower and "embed_tokens" not in name and "lm_head" not in name
    )
    working = sum(size for name, size in tower.items() if "position_embedding" not in name)
    width, *numbers = patches[0]
    depth = config.vision_config.num_hidden_layers
    full, sliding, window = _attention(config.get_text_config())
    return Weights(
        decoder=decoder,
        head=head,
        tower=attending(working, math.prod(numbers), width, depth, config.vision_config),
        per_pair=full,
        windows=(sliding, window),
    )


def operations(
    weights: Weights, pictures: Sequence[int], tokens: Sequence[int], shared: int, new: int
) -> float:
    """Floating-point operations of one clip: ``pictures`` of so many numbers go into the tower; its
    prompts are ``tokens`` long and begin with ``shared`` tokens alike; each answer has ``new``
    tokens, the last of which nothing is computed from.

    Two for each weight and token, and four for each number of a head, token and token it sees.
    """
    own = [max(0, count - shared) + max(0, new - 1) for count in tokens]
    total = weights.tower.operations(pictures)
    total += 2.0 * weights.decoder * (shared + sum(own)) + 2.0 * weights.head * new * len(own)
    total += weights.per_pair * _pairs(shared, own, None)
    sliding, window = weights.windows
    return total + (sliding * _pairs(shared, own, window) if sliding else 0.0)


def measured_rate(device: str, dtype: str, size: int = 8192) -> float:
    """Operations a second of a square product of matrices: the best of five, after warming up."""
    import torch

    kind = getattr(torch, dtype)
    one, other = (torch.randn(size, size, device=device, dtype=kind) for _ in range(2))
    best = math.inf
    for attempt in range(8):
        began = time.perf_counter()
        (one @ other)[0, 0].item()  # waits for the device
        if attempt > 2:
            best = min(best, time.perf_counter() - began)
    return 2.0 * size**3 / best


def _pairs(shared: int, own: Sequence[int], window: int | None) -> float:
    """How many tokens all tokens see together, causally and at most ``window`` back."""
    if window is None or window >= shared + max(own, default=0):
        return shared * shared / 2 + sum(n * (shared + n / 2) for n in own)
    return float(window) * (shared + sum(own))


def _working(decoder: torch.nn.Module, text: Any) -> Iterator[float]:
    """The matrices' sizes that a token goes through; of experts the share that is chosen."""
    import torch

    embeddings = {id(m.weight) for m in decoder.modules() if isinstance(m, torch.nn.Embedding)}
    chosen = getattr(text, "num_experts_per_tok", None) or getattr(text, "top_k_experts", None)
    names = ("num_experts", "num_local_experts", "n_routed_experts")
    experts = next((n for name in names if (n := getattr(text, name, None))), None)
    for name, parameter in decoder.named_parameters():
        if parameter.dim() < 2 or id(parameter) in embeddings:
            continue
        share = 1.0
        if ".experts." in name and chosen and experts:
            share = int(chosen) / int(experts)
        yield parameter.numel() * share
    yield from _states(text)


def _states(text: Any) -> Iterator[float]:
    """What each layer of linear attention does with a token beside its matrices, as so many
    weights: its state [keys, values] is read twice and written once, and tokens see each other
    within a chunk (the gated delta rule, as transformers' ``torch_chunk_gated_delta_rule``)."""
    for kind in getattr(text, "layer_types", None) or ():
        if kind != "linear_attention":
            continue
        key, value = text.linear_key_head_dim, text.linear_value_head_dim
        inner = CHUNK * (5 * key + 3 * value) / 2  # two products, two triangles solved, one product
        yield text.linear_num_value_heads * (3 * key * value + inner)


def _attention(text: Any) -> tuple[float, float, int]:
    """Operations for a pair of tokens in all layers that see everything, in those with a window,
    and the window."""
    layers = layers_of(text)
    types = getattr(text, "layer_types", None) or ["full_attention"] * len(layers)
    cost = {"full_attention": 0.0, "sliding_attention": 0.0}
    for kind, layer in zip(types, layers, strict=True):
        head = getattr(layer, "head_dim", None) or layer.hidden_size // layer.num_attention_heads
        keys, values = head, head
        if getattr(layer, "kv_lora_rank", None):  # latent attention
            keys = layer.qk_nope_head_dim + layer.qk_rope_head_dim
            values = layer.v_head_dim
        if kind in cost:
            cost[kind] += 2.0 * layer.num_attention_heads * (keys + values)
    window = getattr(text, "sliding_window", None) or 0
    return cost["full_attention"], cost["sliding_attention"], int(window)
