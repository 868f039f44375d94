"""Small random models of each family, as complete checkpoints, and clips to ask them about."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    CLIPVisionConfig,
    LlamaConfig,
    LlavaNextConfig,
    LlavaNextForConditionalGeneration,
    LlavaNextVideoConfig,
    LlavaNextVideoForConditionalGeneration,
    MistralConfig,
    PreTrainedTokenizerFast,
)

from harness.models.transformers import Transformers
from harness.types import Clip, Frames, Part, Prompt, Question, Sample, Text, Turn, Video, VideoInfo

# the converted Vicuna checkpoints say a system turn twice: once for its role, once as text
VICUNA = (
    "{% for m in messages %}{% if m['role'] == 'system' %}{{ m['content'][0]['text'] }}"
    "{% else %}{{ m['role'].upper() + ': ' }}{% endif %}"
    "{% for c in m['content'] if c['type'] == 'image' %}{{ '<image>\\n' }}{% endfor %}"
    "{% for c in m['content'] if c['type'] == 'video' %}{{ '<video>\\n' }}{% endfor %}"
    "{% for c in m['content'] if c['type'] == 'text' %}{{ c['text'] + ' ' }}{% endfor %}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)
MISTRAL = (
    "{% for m in messages %}{% if m['role'] == 'user' %}{{ '[INST] ' }}"
    "{% for c in m['content'] if c['type'] == 'text' %}{{ c['text'] }}{% endfor %}{{ ' [/INST]' }}"
    "{% elif m['role'] == 'assistant' %}{{ ' ' + m['content'][0]['text'] + '</s>' }}"
    "{% else %}{{ raise_exception('no system role') }}{% endif %}{% endfor %}"
)
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' }}"
    "{% for c in m['content'] if c['type'] == 'text' %}{{ c['text'] }}{% endfor %}"
    "{{ '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
TEMPLATES = {"vicuna": VICUNA, "mistral": MISTRAL, "yi": CHATML, "image": VICUNA}


def tokenizer(family: str) -> PreTrainedTokenizerFast:
    """Byte-level BPE without merges of its own: a token a byte, and any text can be said."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {token: i for i, token in enumerate(alphabet)}
    inner = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    marks = ["<image>"] if family == "image" else ["<video>", "<image>"]
    made = PreTrainedTokenizerFast(
        tokenizer_object=inner, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )
    made.add_tokens([*marks, "<|im_start|>", "<|im_end|>"], special_tokens=True)
    return made


def text_config(family: str, vocab_size: int) -> LlamaConfig | MistralConfig:
    """Vicuna-like (linear RoPE), Mistral-like (GQA, high theta) or Yi-like (GQA, ChatML)."""
    shared = {
        "vocab_size": vocab_size,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "max_position_embeddings": 1024,
        "bos_token_id": 256,
        "eos_token_id": 257,
        "initializer_range": 0.3,
    }
    if family == "mistral":
        return MistralConfig(
            **shared,
            num_key_value_heads=2,
            sliding_window=None,
            rope_parameters={"rope_type": "default", "rope_theta": 1e6},
        )
    if family == "yi":
        rope = {"rope_type": "default", "rope_theta": 5e6}
        return LlamaConfig(**shared, num_key_value_heads=1, rope_parameters=rope)
    if family == "vicuna":
        rope = {"rope_type": "linear", "factor": 2.5, "rope_theta": 1e4}
        return LlamaConfig(**shared, num_key_value_heads=4, rope_parameters=rope)
    return LlamaConfig(**shared, num_key_value_heads=4)


def save(folder: Path, family: str = "vicuna", seed: int = 0) -> Path:
    """A complete checkpoint of random weights; "image" is an image-only LLaVA-NeXT."""
    made = tokenizer(family)
    size = len(made) + 3
    vision = CLIPVisionConfig(
        hidden_size=48,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=2,
        image_size=32,
        patch_size=8,
        projection_dim=32,
    )
    shared = {
        "vision_config": vision,
        "text_config": text_config(family, size),
        "image_token_index": made.convert_tokens_to_ids("<image>"),
        "image_grid_pinpoints": [[32, 64], [64, 32], [64, 64]],
    }
    torch.manual_seed(seed)
    if family == "image":
        model = LlavaNextForConditionalGeneration(LlavaNextConfig(**shared))
    else:
        video = made.convert_tokens_to_ids("<video>")
        config = LlavaNextVideoConfig(**shared, video_token_index=video)
        model = LlavaNextVideoForConditionalGeneration(config)
    with torch.no_grad():  # answers that end now and then, at other steps for other questions
        model.lm_head.weight *= 2
    model.save_pretrained(folder)
    made.save_pretrained(folder)
    (folder / "chat_template.jinja").write_text(TEMPLATES[family])
    pixels = {
        "do_resize": True,
        "size": {"shortest_edge": 32},
        "crop_size": {"height": 32, "width": 32},
        "do_center_crop": True,
        "resample": 3,
        "rescale_factor": 1 / 255,
        "image_mean": [0.48, 0.46, 0.41],
        "image_std": [0.27, 0.26, 0.28],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(pixels))
    return folder


def backend(folder: Path, **settings: object) -> Transformers:
    """The checkpoint on a CPU in float32."""
    given: dict[str, object] = {"tokens_per_frame": 4, "dtype": "float32", "device": "cpu"}
    return Transformers(str(folder), **(given | settings))  # type: ignore[arg-type]


def asked(*texts: str, parts: tuple[Part, ...] = (Video(),), prefix: str = "q") -> list[Prompt]:
    """Multiple-choice prompts, the clip in front of each."""
    return [
        Prompt(
            Question(f"{prefix}{i}", text, ("red", "blue", "green", "left")),
            (Turn("user", (*parts, Text(text))),),
        )
        for i, text in enumerate(texts)
    ]


TEXTS = (
    "What colour is the ball?",
    "Where does the red circle go first, and where then?",
    "How many?",
)


def clip(
    seed: int = 0,
    prompts: list[Prompt] | None = None,
    frames: int = 6,
    size: tuple[int, int] = (48, 72),
) -> Sample:
    """A clip of noise with three questions."""
    made = asked(*TEXTS, prefix=f"c{seed}q") if prompts is None else prompts
    pixels = np.random.default_rng(seed).integers(0, 256, (frames, *size, 3), dtype=np.uint8)
    return Sample(
        Clip(f"c{seed}", Path(f"c{seed}.mp4"), tuple(p.question for p in made)),
        VideoInfo(frames, 1.0, float(frames), size[1], size[0]),
        Frames(pixels, np.arange(frames, dtype=np.float64)),
        tuple(made),
    )
