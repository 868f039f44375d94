"""Tiny random checkpoints of every family, made on the spot from transformers' own configuration
classes and processors, and what plain ``generate`` answers on them.

    folder = build("qwen2_5_vl")
    for truth in reference("qwen2_5_vl", sample): truth.tokens, truth.logits
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# before transformers, which fails beside a CPU build of torch otherwise
import harness.models.transformers.library  # noqa: F401  # isort: skip
import numpy as np
import torch
import transformers
from transformers import AutoModelForImageTextToText, AutoProcessor
from transformers.utils import logging

from harness.models.transformers import releases
from harness.types import Frames, Image, Prompt, Sample, Text, VideoInfo
from tests.families import glm, google, llava, others, qwen, unnamed, vision
from tests.families.parts import scatter

Made = tuple[torch.nn.Module, Any]


@dataclass(frozen=True)
class Family:
    """``make`` gives model and processor; ``frames_as`` "video" or "images"; ``copied``: its
    decoder has layers that cannot be packed (linear attention), the prefix cache is copied;
    ``stills``: its own forward takes a video and a still picture in one prompt. ``models`` are
    patterns of the names in configs/model that are of this family; ``tokens`` says how many a
    frame of H × W pixels takes in published checkpoints."""

    make: Callable[[], Made]
    models: str
    tokens: str
    frames_as: str = "video"
    copied: bool = False
    stills: bool = True


FOUR = "H·W/28² a pair of frames"
TILES = "an image a frame"

EVERY = {
    "llava_onevision": Family(
        llava.onevision, "llava_onevision_* llava_video_*", "196 a frame, 1 a clip"
    ),
    "qwen2_5_vl": Family(qwen.qwen2_5_vl, "qwen2_5_vl_* tiny_qwen", FOUR),
    "qwen3_vl": Family(
        qwen.qwen3_vl, "qwen3_vl_2b qwen3_vl_4b qwen3_vl_8b qwen3_vl_32b", "H·W/32² a pair"
    ),
    "internvl": Family(vision.internvl, "internvl*", "256 a frame"),
    "gemma3": Family(google.gemma3, "gemma3_*", "256 a frame", "images"),
    "llava_next_video": Family(
        llava.next_video, "llava_next_video* tiny_video* tiny_image", "144 a frame, pooled"
    ),
    "llava_next": Family(llava.next_image, "llava_next_image*", "144 a frame, or AnyRes", "images"),
    "video_llava": Family(llava.video_llava, "video_llava_*", "257 a frame"),
    "qwen2_vl": Family(qwen.qwen2_vl, "qwen2_vl_*", FOUR),
    "qwen3_vl_moe": Family(
        qwen.qwen3_vl_moe, "qwen3_vl_30b_a3b qwen3_vl_235b_a22b", "H·W/32² a pair"
    ),
    "qwen3_5": Family(qwen.qwen3_5, "qwen3_5_*", "H·W/32² a pair", copied=True),
    "smolvlm": Family(vision.smolvlm, "smolvlm2_*", "`image_seq_len` a frame", stills=False),
    "idefics3": Family(vision.idefics3, "idefics3_*", "169 a frame", "images"),
    "video_llama_3": Family(vision.video_llama_3, "videollama3_*", "by content"),
    "perception_lm": Family(vision.perception_lm, "perception_lm_*", "256 a frame"),
    "aya_vision": Family(vision.aya_vision, "aya_vision_*", TILES, "images"),
    "mistral3": Family(vision.mistral3, "mistral_small_*", "about H·W/28² a frame", "images"),
    "ovis2": Family(vision.ovis2, "", TILES, "images"),
    "glm4v": Family(glm.glm4v, "glm4_1v_*", FOUR, stills=False),
    "glm4v_moe": Family(glm.glm4v_moe, "glm4_5v", FOUR, stills=False),
    "glm46v": Family(glm.glm46v, "glm4_6v*", FOUR, stills=False),
    "gemma3n": Family(google.gemma3n, "gemma3n_*", "256 a frame", "images"),
    "gemma4": Family(google.gemma4, "gemma4_*", "at most 70 a frame"),
    "molmo2": Family(others.molmo2, "molmo2_*", "pooled patches a frame"),
    "kimi_k25": Family(others.kimi_k25, "kimi_k2_5", "by size, four frames"),
    "minicpmv4_6": Family(others.minicpmv4_6, "minicpm_v_4_6", "slices a frame", copied=True),
}
FAMILIES: dict[str, Family] = {
    name: family for name, family in EVERY.items() if releases.runs(name, transformers.__version__)
}
"""Those that the installed transformers runs."""

EVERY_UNNAMED = {
    "qwen2_5_omni": Family(unnamed.qwen2_5_omni, "", FOUR),
    "lfm3_vl": Family(unnamed.lfm3_vl, "", "H·W/32² a pair", copied=True),
    "gemma4_unified": Family(unnamed.gemma4_unified, "", "at most 70 a frame"),
}
"""Families that no YAML names, for what ``model=hub`` has to find out by itself."""
UNNAMED = {
    name: family
    for name, family in EVERY_UNNAMED.items()
    if releases.runs(name, transformers.__version__)
}
if transformers.__version__ != "5.24.0":  # there its own forward asks for what is not there
    UNNAMED["llama4"] = Family(unnamed.llama4, "", TILES, "images")


@dataclass(frozen=True, eq=False)
class Reference:
    """What ``generate`` answers: ``tokens`` (the answer's, without the prompt's; an end token
    included), ``logits`` of the first of them [vocabulary], ``length`` of the prompt in tokens."""

    tokens: tuple[int, ...]
    logits: torch.Tensor
    length: int


@functools.cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="families-")


@functools.cache
def build(name: str, seed: int = 0) -> Path:
    """The family's checkpoint folder, float32, a few hundred KB; made once in a process."""
    logging.disable_progress_bar()
    folder = Path(_scratch().name) / f"{name}-{seed}"
    with torch.random.fork_rng():
        torch.manual_seed(seed)  # a vector here and there keeps what its class drew
        model, processor = (FAMILIES | UNNAMED)[name].make()
    scatter(model, seed)
    model.save_pretrained(folder)  # type: ignore[operator]
    processor.save_pretrained(folder)
    return folder


@functools.cache
def loaded(name: str, attention: str = "sdpa") -> tuple[Any, Any]:
    """Model and processor as transformers reads them from the folder."""
    folder = build(name)
    model = AutoModelForImageTextToText.from_pretrained(
        folder, dtype=torch.float32, attn_implementation=attention
    )
    return model.eval(), AutoProcessor.from_pretrained(folder)


def messages(prompt: Prompt, frames: int, frames_as: str) -> list[dict[str, Any]]:
    """The prompt's turns as chat templates take them."""

    def parts(part: Any) -> list[dict[str, str]]:
        if isinstance(part, Text):
            return [{"type": "text", "text": part.text}]
        if isinstance(part, Image):
            return [{"type": "image"}]
        shown = len(range(frames)[part.start : part.stop])
        return [{"type": "video"}] if frames_as == "video" else [{"type": "image"}] * shown

    return [
        {"role": turn.role, "content": [p for part in turn.parts for p in parts(part)]}
        for turn in prompt.turns
    ]


def metadata(info: VideoInfo, frames: Frames) -> dict[str, Any]:
    """What processors are told of the clip; indices are times × fps, whatever the frame rate."""
    return {
        "total_num_frames": info.count,
        "fps": info.fps,
        "duration": info.duration,
        "width": info.width,
        "height": info.height,
        "frames_indices": [float(t * info.fps) for t in frames.times],
    }


def inputs(name: str, processor: Any, sample: Sample, prompt: Prompt) -> dict[str, Any]:
    """The prompt as the family's own processor makes it."""
    assert sample.frames is not None
    assert sample.info is not None
    family, pixels = FAMILIES[name], sample.frames.pixels
    said = messages(prompt, len(pixels), family.frames_as)
    text = processor.apply_chat_template(
        said,
        chat_template=processor.chat_template,  # SmolVLM takes another one for videos
        tokenize=False,
        add_generation_prompt=True,
    )
    bos = processor.tokenizer.bos_token
    given: dict[str, Any] = {
        "text": [text],
        "return_tensors": "pt",
        "add_special_tokens": not (bos and text.startswith(bos)),
    }
    stills = [p.pixels for turn in prompt.turns for p in turn.parts if isinstance(p, Image)]
    if family.frames_as == "video":
        given["videos"] = [pixels]
        given["videos_kwargs"] = {
            "do_sample_frames": False,
            "video_metadata": [metadata(sample.info, sample.frames)],
        }
    else:
        stills = [*pixels, *stills]
    if stills:
        given["images"] = [list(stills)]
    return dict(processor(**given))


def reference(
    name: str, sample: Sample, max_new_tokens: int = 8, attention: str = "sdpa"
) -> list[Reference]:
    """Each prompt by itself through the family's own processor and plain greedy ``generate``."""
    model, processor = loaded(name, attention)
    answers = []
    for prompt in sample.prompts:
        given = inputs(name, processor, sample, prompt)
        length = int(given["input_ids"].shape[1])
        with torch.inference_mode():
            made = model.generate(
                **given,
                do_sample=False,
                max_new_tokens=max_new_tokens,
                output_logits=True,
                return_dict_in_generate=True,
            )
        tokens = tuple(made.sequences[0, length:].tolist())
        answers.append(Reference(tokens, made.logits[0][0].float(), length))
    return answers


def noise(frames: int = 6, size: tuple[int, int] = (48, 72), seed: int = 0) -> Frames:
    """Frames of noise over blocks of colour, half a second apart."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (frames, 4, 4, 3)).repeat(size[0] // 4, 1).repeat(size[1] // 4, 2)
    pixels = (blocks + rng.integers(-20, 21, blocks.shape)).clip(0, 255).astype(np.uint8)
    return Frames(pixels, np.arange(frames) * 0.5, tuple(range(0, frames * 12, 12)))


def information(frames: Frames, fps: float = 24.0) -> VideoInfo:
    """The whole video such frames were taken from."""
    last = float(frames.times[-1]) + 0.5
    height, width = frames.pixels.shape[1:3]
    return VideoInfo(int(last * fps), fps, last, width, height)
