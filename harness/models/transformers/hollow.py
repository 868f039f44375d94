"""Prompts written from the sizes of pictures alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch

from harness.models.transformers import preparing

Call = tuple[Any, Mapping[str, Any]]
"""A clip uint8 [T, H, W, 3], and what a processor's video part is told beside it."""

Preprocess = Callable[..., Any]

BESIDE = ("do_sample_frames", "fps", "return_tensors", "video_metadata")
"""What a processor's video part is told of these very frames, or of how they are handed over."""


@contextmanager
def hollow(processor: Any, zeros: bool, calls: list[Call]) -> Iterator[None]:
    """Meanwhile a processor's video and picture parts see sizes without numbers, and give such:
    tensors on torch's meta device or, for processors that look at them, ``zeros`` without memory.
    ``calls`` takes the clips and what was told beside each."""

    def videos(real: Preprocess, clips: Any, **settings: Any) -> Any:
        calls.extend((each, settings) for each in clips)
        return real([empty(*each.shape[:3]) for each in clips], **settings)

    def pictures(real: Preprocess, shown: Any, *settings: Any, **named: Any) -> Any:
        return real(_emptied(shown), *settings, **named)

    def given(seen: Callable[..., Any], real: Preprocess, *settings: Any, **named: Any) -> Any:
        made = seen(real, *settings, **named)
        if zeros:
            for name, value in made.items():
                made[name] = _zeros(value)
        return made

    with ExitStack() as stack:
        for name, seen in (("video_processor", videos), ("image_processor", pictures)):
            part = getattr(processor, name, None)
            if (real := getattr(part, "preprocess", None)) is not None:
                hollowed = partial(given, seen, real)
                stack.enter_context(preparing.instead(part, "preprocess", hollowed))
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


def _zeros(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(map(_zeros, value))
    if isinstance(value, torch.Tensor) and value.is_meta:
        return torch.zeros((), dtype=value.dtype).expand(value.shape)
    return value
