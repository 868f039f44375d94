"""A published model's clip counted at its whole depth: all layers, real pictures, 32 frames.

Shapes and clips are those of ``benchmarks.families`` (which says where each is from).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoModelForImageTextToText

from benchmarks.families import FAMILIES, prompts
from harness.models.transformers.written import Written
from harness.types import Clip, Failure, Prompt, Sample
from tests.families.shapes import Count, counted_on_device

FRAMES, QUESTIONS = 32, 3
NAMES = ["llava_next_video", "qwen2_5_vl", "qwen3_vl", "internvl"]


@dataclass(frozen=True)
class Handed:
    """A writer whose prompts are written already."""

    written: Sequence[Written]
    tokenizer: Any = None

    def write(self, sample: Sample, letters: bool) -> list[Written | Failure]:
        """All of them, whatever the sample."""
        return list(self.written)

    def count(self, prompts: Sequence[Prompt], frames: int) -> list[int]:
        """Their lengths in tokens."""
        return [len(each.tokens) for each in self.written]

    def picture_sizes(self, frames: int) -> tuple[int, ...]:
        """Nothing asks for them."""
        raise NotImplementedError


def whole(name: str) -> Count:
    """What a clip of 32 frames with three questions takes."""
    family = FAMILIES[name]
    shape = dataclasses.replace(family.shape("real"), frames=FRAMES)
    config = family.config(shape)
    written = prompts(family, shape, config, torch.device("cpu"), QUESTIONS)
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(config, dtype=torch.bfloat16).eval()
    asked = Sample(Clip("c", None), None, None, tuple(each.prompt for each in written))
    return counted_on_device(model, Handed(written), asked)
