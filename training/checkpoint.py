"""Making, saving and loading the tiny LLaVA-NeXT-Video: real classes, 1.7 million parameters."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from transformers import (
    CLIPVisionConfig,
    LlamaConfig,
    LlavaNextVideoConfig,
    LlavaNextVideoForConditionalGeneration,
    PreTrainedTokenizerFast,
)
from transformers.utils.constants import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

IMAGE_SIDE = 32
PATCH = 8
FRAME_TOKENS = (IMAGE_SIDE // PATCH) ** 2 // 4  # averaged over 2 × 2 patches
CONTEXT = 4096

# One turn is "USER: <video>\n{text} "; an open turn ends in "ASSISTANT:".
CHAT_TEMPLATE = """\
{%- for message in messages -%}
{{ message['role'].upper() + ': ' }}
{%- if message['content'] is string -%}
{{ message['content'] + ' ' }}
{%- else -%}
{%- for kind in ['image', 'video'] -%}
{%- for part in message['content'] if part['type'] == kind -%}
{{ '<' + kind + '>\\n' }}
{%- endfor -%}
{%- endfor -%}
{%- for part in message['content'] if part['type'] == 'text' -%}
{{ part['text'] + ' ' }}
{%- endfor -%}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{ 'ASSISTANT:' }}
{%- endif -%}
"""


def build(tokenizer: PreTrainedTokenizerFast, seed: int) -> LlavaNextVideoForConditionalGeneration:
    """An untrained model."""
    torch.manual_seed(seed)
    vision = CLIPVisionConfig(
        hidden_size=96,
        intermediate_size=384,
        num_hidden_layers=3,
        num_attention_heads=4,
        image_size=IMAGE_SIDE,
        patch_size=PATCH,
        projection_dim=96,
    )
    text = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=352,
        num_hidden_layers=6,
        num_attention_heads=4,
        num_key_value_heads=4,
        initializer_range=0.08,  # about 1 / √128: at the usual 0.02 attention starts flat
        max_position_embeddings=CONTEXT,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    config = LlavaNextVideoConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=tokenizer.vocab["<image>"],
        video_token_index=tokenizer.vocab["<video>"],
        vision_feature_layer=-1,  # with three layers none can be spared
        image_grid_pinpoints=[[IMAGE_SIDE, 2 * IMAGE_SIDE], [2 * IMAGE_SIDE, IMAGE_SIDE]],
        image_seq_length=(IMAGE_SIDE // PATCH) ** 2,
        video_seq_length=FRAME_TOKENS,
    )
    model = LlavaNextVideoForConditionalGeneration(config)
    _awaken(model)
    return model


@torch.no_grad()
def _awaken(model: LlavaNextVideoForConditionalGeneration) -> None:
    """Scales CLIP's first weights up: they are meant for 1,024 dimensions, and at 96 leave every
    patch nearly alike, which costs the first few hundred steps."""
    for name, weight in model.model.vision_tower.named_parameters():
        if "embedding" in name:
            weight.mul_(5)
        elif weight.dim() == 2:
            weight.mul_(2)


def save(
    model: LlavaNextVideoForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    folder: Path,
) -> None:
    """Writes a folder that transformers loads: half precision, safetensors, all of its files."""
    weights = {name: value.to(torch.float16) for name, value in model.state_dict().items()}
    model.config.dtype = torch.float16
    model.save_pretrained(folder, state_dict=weights)
    model.config.dtype = torch.float32
    tokenizer.save_pretrained(folder)
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE)
    for name, content in _processor_files().items():
        (folder / name).write_text(json.dumps(content, indent=2) + "\n")


def load(
    folder: Path,
) -> tuple[LlavaNextVideoForConditionalGeneration, PreTrainedTokenizerFast]:
    """The model in single precision, and its tokenizer."""
    model = LlavaNextVideoForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    return model, PreTrainedTokenizerFast.from_pretrained(folder)


def _processor_files() -> dict[str, dict[str, object]]:
    """The preprocessing as the 7B model's folder states it, at our sizes.

    Written by hand because transformers' own video processor needs torchvision to be built.
    """
    common: dict[str, object] = {
        "do_resize": True,
        "size": {"shortest_edge": IMAGE_SIDE},
        "default_to_square": False,
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": IMAGE_SIDE, "width": IMAGE_SIDE},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": OPENAI_CLIP_MEAN,
        "image_std": OPENAI_CLIP_STD,
        "do_convert_rgb": True,
        "processor_class": "LlavaNextVideoProcessor",
    }
    image = {
        "image_processor_type": "LlavaNextImageProcessor",
        "do_pad": True,
        "image_grid_pinpoints": [[IMAGE_SIDE, 2 * IMAGE_SIDE], [2 * IMAGE_SIDE, IMAGE_SIDE]],
    }
    return {
        "preprocessor_config.json": common | image,
        "video_preprocessor_config.json": common
        | {"video_processor_type": "LlavaNextVideoVideoProcessor"},
        "processor_config.json": {
            "processor_class": "LlavaNextVideoProcessor",
            "patch_size": PATCH,
            "vision_feature_select_strategy": "default",
            "num_additional_image_tokens": 1,
            "image_token": "<image>",
            "video_token": "<video>",
        },
    }
