"""Prompts written from the sizes of pictures alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from harness.models.transformers import preparing

Call = tuple[Any, Mapping[str, Any]]
"""A clip uint8 [T, H, W, 3], and what a processor's video part is told beside it."""

BESIDE = ("do_sample_frames", "fps", "return_tensors", "video_metadata")
"""What a processor's video part is told of these very frames, or of how they are handed over."""


@contextmanager
def hollow(processor: Any, zeros: bool, calls: list[Call]) -> Iterator[None]:
    """Meanwhile a processor's video and picture parts see sizes without numbers, and give such:
    tensors on torch's meta device or, for processors that look at them, ``zeros`` without memory.
    ``calls`` takes the clips and what was told beside each."""
    video = getattr(processor, "video_processor", None)
    picture = getattr(processor, "image_processor", None)
    preprocess_video = getattr(video, "preprocess", None)
    preprocess_picture = getattr(picture, "preprocess", None)

    def videos(clips: Any, **settings: Any) -> Any:
        assert preprocess_video is not None
        calls.extend((each, settings) for each in clips)
        made = preprocess_video([empty(*each.shape[:3]) for each in clips], **settings)
        return _given(made, zeros)

    def pictures(shown: Any, *settings: Any, **named: Any) -> Any:
        assert preprocess_picture is not None
        return _given(preprocess_picture(_emptied(shown), *settings, **named), zeros)

    with ExitStack() as stack:
        if preprocess_video is not None:
            stack.enter_context(preparing.instead(video, "preprocess", videos))
        if preprocess_picture is not None:
            stack.enter_context(preparing.instead(picture, "preprocess", pictures))
        yield


def told(call: Call) -> dict[str, Any]:
    """What a processor's video part is told of how frames become pixels, whichever they are: some
    processors' calls have a size of their own (Qwen-Omni's), which no file of a checkpoint says."""
    return {name: value for name, value in call[1].items() if name not in BESIDE}


def is_hollow(value: Any) -> bool:
    """Whether it is a tensor that ``hollow`` left without its numbers."""
    if not isinstance(value, torch.Tensor) or value.numel() < 2:
        return isinstance(value, torch.Tensor) and value.is_meta
    return value.is_meta or not any(value.stride())


def empty(frames: int, height: int, width: int) -> torch.Tensor:
    """A clip without numbers."""
    return torch.empty(frames, 3, height, width, dtype=torch.uint8, device="meta")


def _emptied(pictures: Any) -> Any:
    """Pictures [H, W, 3], in lists or not, without numbers."""
    if isinstance(pictures, list | tuple):
        return type(pictures)(map(_emptied, pictures))
    return empty(1, *pictures.shape[:2])[0]


def _given(made: Any, zeros: bool) -> Any:
    if zeros:
        for name, value in made.items():
            made[name] = _zeros(value)
    return made


def _zeros(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(map(_zeros, value))
    if isinstance(value, torch.Tensor) and value.is_meta:
        return torch.zeros((), dtype=value.dtype).expand(value.shape)
    return value
