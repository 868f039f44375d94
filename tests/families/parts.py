"""What the tiny builds share: a tokenizer, chat templates, small configurations, weights."""

from __future__ import annotations

from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

LAYERS = 3
CHATML = ("<|im_start|>", "<|im_end|>")


def tokenizer(**named: str) -> PreTrainedTokenizerFast:
    """Byte-level BPE without merges, a token a byte; ``named`` special tokens become attributes
    (``image_token="<image>"`` is read as ``tokenizer.image_token`` by processors)."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(alphabet)}, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=inner,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        extra_special_tokens=named,
        padding_side="left",
    )
    made.add_tokens([*CHATML], special_tokens=True)
    return made


def template(video: str | None, image: str | None, *, bos: str = "") -> str:
    """A chat template that keeps all parts in their order; ``video`` and ``image`` are what stands
    for a part (None: such a part is refused)."""

    def mark(kind: str, text: str | None) -> str:
        said = (
            f"{{{{ {text!r} }}}}" if text is not None else f"{{{{ raise_exception('no {kind}') }}}}"
        )
        return f"{{%- elif c['type'] == '{kind}' -%}}{said}"

    return (
        f"{{{{- {bos!r} -}}}}"
        "{%- for m in messages -%}"
        "{{- '<|im_start|>' + m['role'] + '\\n' -}}"
        "{%- if m['content'] is string -%}{{- m['content'] -}}{%- else -%}"
        "{%- for c in m['content'] -%}"
        "{%- if c['type'] == 'text' -%}{{- c['text'] -}}"
        f"{mark('video', video)}{mark('image', image)}"
        "{%- endif -%}{%- endfor -%}{%- endif -%}"
        "{{- '<|im_end|>\\n' -}}{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
    )


def ids(made: PreTrainedTokenizerFast, **names: str) -> dict[str, int]:
    """Configuration keys to the ids of tokens."""
    return {key: int(made.convert_tokens_to_ids(token)) for key, token in names.items()}


def decoder(made: PreTrainedTokenizerFast, **settings: Any) -> dict[str, Any]:
    """A small text configuration: 3 layers of width 64, 4 heads over 2 of keys and values."""
    return {
        "vocab_size": len(made),
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 4096,
        "bos_token_id": made.bos_token_id,
        "eos_token_id": made.eos_token_id,
        "pad_token_id": made.pad_token_id,
    } | settings


def tower(**settings: Any) -> dict[str, Any]:
    """A small CLIP- or SigLIP-like vision configuration: 32 px in patches of 8."""
    return {
        "hidden_size": 48,
        "intermediate_size": 64,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 2,
        "image_size": 32,
        "patch_size": 8,
    } | settings


@torch.no_grad()
def scatter(model: torch.nn.Module, seed: int = 0) -> None:
    """Draws every matrix anew, wide enough that each input matters to the answers: classes'
    own first weights leave pictures alike and attention flat."""
    noise = torch.Generator().manual_seed(seed)
    scales = {  # Gemma multiplies embeddings by √width; tied to the head, they would drown all else
        f"{name}.weight": float(module.embed_scale)
        for name, module in model.named_modules()
        if hasattr(module, "embed_scale") and hasattr(module, "weight")
    }
    for name, weight in sorted(model.named_parameters()):
        if weight.dim() >= 2:
            fan_in = weight.numel() / weight.shape[0]
            width = 1 / scales.get(name, 1.0) if "embed" in name else 1.5 / fan_in**0.5
            weight.normal_(0, width, generator=noise)
        elif name.endswith("A_log"):  # linear attention shall not forget the clip at once
            weight.fill_(-4)
        elif name.endswith("bias"):
            weight.normal_(0, 0.1, generator=noise)
