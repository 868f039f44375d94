"""Prompts written from the sizes of pictures alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from harness.models.transformers import preparing

Call = tuple[Any, Mapping[str, Any]]
"""A clip uint8 [T, H, W, 3], and what a processor's video part is told beside it."""


@contextmanager
def hollow(processor: Any, zeros: bool, calls: list[Call]) -> Iterator[None]:
    """Meanwhile a processor's video part sees sizes without numbers, and gives such: tensors on
    torch's meta device or, for processors that look at them, ``zeros`` without memory. ``calls``
    takes what it was given."""
    video = processor.video_processor
    real = video.preprocess

    def preprocess(videos: Any, **settings: Any) -> Any:
        calls.extend((each, settings) for each in videos)
        made = real([empty(*each.shape[:3]) for each in videos], **settings)
        if zeros:
            for name, value in made.items():
                made[name] = _zeros(value)
        return made

    with preparing.instead(video, "preprocess", preprocess):
        yield


def is_hollow(value: Any) -> bool:
    """Whether it is a tensor that ``hollow`` left without its numbers."""
    if not isinstance(value, torch.Tensor) or value.numel() < 2:
        return isinstance(value, torch.Tensor) and value.is_meta
    return value.is_meta or not any(value.stride())


def empty(frames: int, height: int, width: int) -> torch.Tensor:
    """A clip without numbers."""
    return torch.empty(frames, 3, height, width, dtype=torch.uint8, device="meta")


def _zeros(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(map(_zeros, value))
    if isinstance(value, torch.Tensor) and value.is_meta:
        return torch.zeros((), dtype=value.dtype).expand(value.shape)
    return value
