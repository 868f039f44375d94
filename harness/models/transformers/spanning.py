"""A video processor's work a few frames at a time, where that gives what it makes of a whole clip.

Of a clip the processor is told sizes alone (``hollow``), which is enough for the prompt's text and
all that says what the pixels are. Pixels themselves are made of a few frames by the processor's
video part, and are bytes where ``preparing`` finds how to scale them later. Whether both together
are what the processor makes of the whole clip is tried on a small one, to the bit.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import itertools
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import torch

from harness.models.transformers import preparing
from harness.models.transformers.fields import Field, find_field
from harness.models.transformers.hollow import Call, empty, hollow, is_hollow, told
from harness.models.transformers.preparing import Scaling, WholePixels
from harness.models.transformers.resizing import VideoResizer
from harness.models.transformers.spans import SpannedPixels, Spans

UNITS = (1, 2, 4)  # frames that go together: all that published processors do
Size = tuple[int, int]


class Spanning:
    """How a processor's clips are made a few frames at a time (see ``find``)."""

    def __init__(
        self, video: Any, settings: Mapping[str, Any], scaling: Mapping[str, Scaling], zeros: bool
    ) -> None:
        self._video = copy.copy(video)  # nobody else's: it is called beside the real one
        self._resizer = VideoResizer(copy.copy(video), settings)
        if scaling:
            self._video.rescale_and_normalize = lambda images, *_, **__: images
        self._scaling = scaling
        self.zeros = zeros
        self.unit = 1
        self.fields: Mapping[str, Field] = {}
        self._also: frozenset[str] = frozenset()

    def inputs(self, found: Mapping[str, Any], spans: Spans) -> dict[str, Any]:
        """A hollow prompt's inputs with what ``spans`` make in the place of what lacks its
        numbers."""
        filled = dict(found)
        for name in filter(lambda name: is_hollow(found[name]), found):
            value, how = found[name], self.fields[name]
            shape = tuple(value.shape)
            filled[name] = SpannedPixels(spans, name, shape, how.axis, value.dtype, how.step)
        return filled

    def spans(self, found: Mapping[str, Any], call: Call) -> Spans | None:
        """The frames of a clip by themselves, for a prompt's hollow inputs; None where they would
        become something else than in their clip."""
        clip, settings = call
        count, height, width = clip.shape[:3]
        make = functools.partial(self.make, clip, settings)
        if self._fits(found, (count, height, width), settings):
            return Spans(count, self.unit, make)
        size = self._size(clip)
        if size is None or not self._fits(found, (count, *size), settings):
            return None
        return Spans(count, self.unit, functools.partial(make, size=size))

    def _fits(
        self, found: Mapping[str, Any], sides: tuple[int, int, int], settings: Mapping[str, Any]
    ) -> bool:
        """Whether frames of these sides by themselves become as large as in their clip."""
        count = sides[0]
        if self._resizer.target(*sides) != self._resizer.target(self.unit, *sides[1:]):
            return False
        try:
            made = self._called(empty(self.unit, *sides[1:]), settings)
        except (RuntimeError, ValueError):
            return False
        units = -(-count // self.unit)
        for name in filter(lambda name: is_hollow(found[name]), found):
            field = self.fields.get(name)
            value = field.of(made) if field else None
            if field is None or value is None:
                return False
            shape = list(value.shape)
            shape[field.axis] *= units
            if shape != list(found[name].shape):
                return False
        return True

    def make(
        self,
        clip: Any,
        settings: Mapping[str, Any],
        start: int,
        stop: int,
        size: Size | None = None,
    ) -> dict[str, Any]:
        """What the model's ``forward`` is given for some frames of a clip, resized if so."""
        made = self._made(clip, settings, start, stop, size)
        found = {name: made[name] for name in self._also}
        for name, field in self.fields.items():
            value = field.of(made)
            how = self._scaling.get(name)
            found[name] = WholePixels(value, how) if how and value.dtype == torch.uint8 else value
        return found

    def _made(
        self, clip: Any, settings: Mapping[str, Any], start: int, stop: int, size: Size | None
    ) -> Mapping[str, Any]:
        """What the video part makes of some frames; the last unit is filled with its last frame."""
        frames = clip[start:stop]
        if size is not None:
            frames = np.stack([self._resizer.resized(frame, *size) for frame in frames])
        if lacking := -len(frames) % self.unit:
            frames = np.concatenate([frames, frames[-1:].repeat(lacking, 0)])
        return self._called(frames, settings)

    def _called(self, frames: Any, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        given = dict(settings)
        if given.get("video_metadata"):  # nobody reads the times here, but some count them
            given["video_metadata"] = [_part(m, len(frames)) for m in given["video_metadata"]]
        made: Mapping[str, Any] = type(self._video).preprocess(self._video, [frames], **given)
        return made

    def learn(self, whole: Mapping[str, Any], left: Mapping[str, Any], call: Call) -> bool:
        """Whether some frames after others are the whole clip, to the bit: ``left`` are its hollow
        inputs. Keeps how."""
        clip, settings = call
        missing = [name for name in whole if is_hollow(left[name])]
        sizes = [None, self._size(clip)]
        for self.unit, size in itertools.product(UNITS, dict.fromkeys(sizes)):
            borders = [(0, self.unit), (self.unit, 3 * self.unit), (3 * self.unit, len(clip))]
            try:
                made = [self._made(clip, settings, a, b, size) for a, b in borders if a < b]
            except (RuntimeError, ValueError):
                continue
            starts = [a for a, b in borders if a < b]
            fields = {
                name: find_field(name, whole[name], made, starts, self._scaling.get(name))
                for name in missing
            }
            if all(fields.values()):
                self.fields = {name: field for name, field in fields.items() if field}
                tensors = {n for n, v in made[0].items() if isinstance(v, torch.Tensor)}
                self._also = frozenset(tensors & whole.keys() - self.fields.keys())
                return True
        return False

    def _size(self, clip: Any) -> Size | None:
        """The (height, width) that frames are resized to, where they then stay as they are."""
        size = self._resizer.target(*clip.shape[:3])
        return size if size is not None and self._resizer.leaves(*size) else None


def _part(metadata: Any, count: int) -> Any:
    indices = getattr(metadata, "frames_indices", None)
    if indices is None:
        return metadata
    return dataclasses.replace(metadata, frames_indices=list(indices)[:1] * count)


def find(processor: Any, call: Callable[[Any], Mapping[str, Any]]) -> Spanning | None:
    """How a processor's work is done a few frames at a time; None where a whole clip becomes
    something else than its frames by themselves, or its prompt depends on what frames show.

    ``call`` gives what the whole processor makes of a prompt with this video, uint8 [T, H, W, 3].
    """
    clip = preparing.trial()
    whole = call(clip)
    scaling: Mapping[str, Scaling] = {}
    with suppress(RuntimeError):  # something on the way takes no bytes
        scaling = preparing.scaling(processor, call)
    for zeros in (False, True):
        calls: list[Call] = []
        try:
            with hollow(processor, zeros, calls):
                left = call(clip)
        except (RuntimeError, TypeError):  # it looks at pixels' numbers
            continue
        if len(calls) != 1 or left.keys() != whole.keys() or not _same(left, whole):
            return None
        found = Spanning(processor.video_processor, told(calls[0]), scaling, zeros)
        return found if found.learn(whole, left, calls[0]) else None
    return None


def _same(left: Mapping[str, Any], whole: Mapping[str, Any]) -> bool:
    """Whether all that has its numbers is equal."""
    for name, value in whole.items():
        if is_hollow(left[name]):
            if left[name].shape != value.shape or left[name].dtype != value.dtype:
                return False
        elif not preparing.same(value, left[name]):
            return False
    return True
