"""How a processor's parts are called while a sample is written: each picture is prepared once, and
a video's pixels stay whole numbers, a byte each instead of four.

A video processor scales and shifts its pixels, all of a channel alike, before it puts them where
the vision tower takes them. Left out, its result holds the same numbers as bytes; the scaling is a
table of 256 values a channel, looked up when the pixels reach the model's device. Whether that is
so for a processor is tried on a small clip, to the bit (``whole_numbers``); where it is not (its
pixels are compared or pooled once they are scaled), fractions are made as usual.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

AT_ONCE = 1 << 19  # pixels looked up in one go: their places take eight bytes each

APART = 100  # what tells channels apart, whatever a resizing rounds


@dataclass(frozen=True)
class Scaling:
    """``table`` [channels, 256] holds what each byte of a channel becomes; ``axis`` is the
    dimension of a processor's pixels along which channels lie, ``channels`` [that dimension] the
    channel of each place."""

    table: torch.Tensor
    axis: int
    channels: torch.Tensor


@dataclass(frozen=True, eq=False)
class WholePixels:
    """Pixels as a model's ``forward`` takes them, still bytes, and what they become."""

    values: torch.Tensor
    scaling: Scaling

    @property
    def shape(self) -> torch.Size:
        """As a tensor's."""
        return self.values.shape

    def numel(self) -> int:
        """How many numbers they are."""
        return self.values.numel()

    def on(self, device: Any, dtype: torch.dtype) -> torch.Tensor:
        """The pixels on a device, scaled in float32 and then of this type; little at a time."""
        made = torch.empty(self.values.shape, dtype=dtype, device=device)
        table = self.scaling.table.to(device).flatten()
        offsets = self.scaling.channels.to(device) * self.scaling.table.shape[1]
        shape = [1] * made.dim()
        shape[self.scaling.axis] = len(offsets)
        offsets = offsets.reshape(shape)
        by = 0 if len(made) > 1 else min(1, made.dim() - 1)  # a batch of one is cut behind it
        step = max(1, AT_ONCE * made.shape[by] // max(1, made.numel()))
        for start in range(0, made.shape[by], step):
            count = min(step, made.shape[by] - start)
            some = self.values.narrow(by, start, count).to(device)
            places = offsets if by != self.scaling.axis else offsets.narrow(by, start, count)
            made.narrow(by, start, count).copy_(table[some + places])
        return made


@contextmanager
def once(processor: Any) -> Iterator[None]:
    """Meanwhile a processor's image and video parts prepare the same pictures once."""
    names = ("image_processor", "video_processor")
    with ExitStack() as stack:
        for part in filter(None, (getattr(processor, name, None) for name in names)):
            stack.enter_context(instead(part, "preprocess", _memo(part.preprocess)))
        yield


@contextmanager
def instead(owner: Any, name: str, function: Callable[..., Any]) -> Iterator[None]:
    """Meanwhile an object's method of this name is the function."""
    before = owner.__dict__.get(name)
    setattr(owner, name, function)
    try:
        yield
    finally:
        if before is None:
            delattr(owner, name)
        else:
            setattr(owner, name, before)


@contextmanager
def unscaled(processor: Any, found: list[Any]) -> Iterator[None]:
    """Meanwhile a processor's video part leaves bytes as they are; ``found`` takes what it would
    have scaled them with."""
    video = processor.video_processor
    real = video.rescale_and_normalize

    def left(images: torch.Tensor, *settings: Any, **named: Any) -> torch.Tensor:
        if images.dtype != torch.uint8:
            scaled: torch.Tensor = real(images, *settings, **named)
            return scaled
        found.append((settings, named))
        return images

    with instead(video, "rescale_and_normalize", left):
        yield


def scaling(processor: Any, call: Callable[[Any], Mapping[str, Any]]) -> Mapping[str, Scaling]:
    """How each of a processor's pixel tensors is to be scaled, by its name; none where leaving
    them bytes changes anything else, or cannot be undone to the bit.

    ``call`` gives what the whole processor makes of a prompt with this video, uint8 [T, H, W, 3].
    """
    if getattr(processor.video_processor, "rescale_and_normalize", None) is None:
        return {}
    clip = trial()
    plain = call(clip)
    used: list[Any] = []
    with unscaled(processor, used):
        left, told = call(clip), call(_channels(clip))
    if not used or any(each != used[0] for each in used):
        return {}
    table = _table(processor, *used[0])
    found = {}
    for name, value in left.items():
        if not isinstance(value, torch.Tensor) or value.dtype != torch.uint8:
            continue
        axis = _axis(told[name])
        if axis is None:
            return {}
        channels = told[name].movedim(axis, 0).flatten(1)[:, 0] / APART
        found[name] = Scaling(table, axis, channels.round().long())
    equal = left.keys() == plain.keys() and all(
        same(v, left[n], found.get(n)) for n, v in plain.items()
    )
    return found if equal else {}


def same(plain: Any, left: Any, how: Scaling | None = None) -> bool:
    """Whether two inputs are equal to the bit, the second one scaled if so."""
    if how is not None:
        left = WholePixels(left, how).on("cpu", plain.dtype)
    if isinstance(plain, torch.Tensor):
        return plain.dtype == left.dtype and torch.equal(plain, left)
    return bool(plain == left)


def trial() -> Any:
    """Seven frames (what goes in pairs is filled up) of which two are alike: some processors leave
    out what does not change."""
    pixels = np.random.default_rng(0).integers(0, 256, (7, 150, 266, 3), np.uint8)
    pixels[3] = pixels[2]
    return pixels


def _channels(clip: Any) -> Any:
    """Frames of this size whose every pixel says its channel: 0, APART or twice that."""
    return np.broadcast_to(APART * np.arange(3, dtype=np.uint8), clip.shape).copy()


def _axis(told: torch.Tensor) -> int | None:
    """The one dimension along which channels differ; None where there is none."""
    for axis in range(told.dim()):
        rows = (told.movedim(axis, 0).flatten(1) / APART).round()
        if bool((rows == rows[:, :1]).all()) and sorted(set(rows[:, 0].tolist())) == [0, 1, 2]:
            return axis
    return None


def _table(processor: Any, settings: tuple[Any, ...], named: Mapping[str, Any]) -> torch.Tensor:
    every = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16).repeat(1, 3, 1, 1)
    made = processor.video_processor.rescale_and_normalize(every, *settings, **named)
    table: torch.Tensor = made.float().reshape(3, 256).contiguous()
    return table


def _memo(preprocess: Callable[..., Any]) -> Callable[..., Any]:
    known: dict[Any, tuple[Any, Any]] = {}

    def remembering(*args: Any, **kwargs: Any) -> Any:
        key = (_key(args), tuple((name, _key(kwargs[name])) for name in sorted(kwargs)))
        if key not in known:
            known[key] = ((args, kwargs), preprocess(*args, **kwargs))
        return copy.copy(known[key][1])

    return remembering


def _key(value: Any) -> Any:
    """What tells arguments apart: pictures by identity (they are kept), all else by value."""
    if isinstance(value, np.ndarray | torch.Tensor):
        return ("picture", id(value))
    if isinstance(value, list | tuple):
        return tuple(_key(each) for each in value)
    if isinstance(value, Mapping):
        return tuple((name, _key(value[name])) for name in sorted(value, key=str))
    return repr(value)
