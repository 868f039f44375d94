"""A processor's own resizing, frame by frame, so that a clip is never in memory at full size.

Every video processor that transformers resizes with torchvision goes through one method,
``resize``. On a tensor without numbers (torch's meta device) it says what size it would give a
whole clip; each frame is then brought to that size by the same function as it is decoded. The
processor finds frames of the size that it wants and leaves them as they are. Processors that resize
otherwise, or twice to different sizes, get whole frames. Importing this loads no torch.
"""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.types import JSON, Pixels


@dataclass(frozen=True)
class ProcessorResize:
    """The resizing of the processor in ``folder``, with ``settings`` as the model has them."""

    folder: Path
    settings: Mapping[str, JSON]

    @property
    def key(self) -> str:
        """What tells it from other resizings."""
        return f"{self.folder}{json.dumps(self.settings, sort_keys=True)}"

    def size(self, frames: int, width: int, height: int) -> tuple[int, int] | None:
        """The (width, height) that so many frames become; None: they stay whole, since the
        processor enlarges them, does not resize them, or would not leave them at that size."""
        found = _target(self._processor, frames, height, width)
        if found is None or found[0] * found[1] >= height * width:
            return None
        again = _target(self._processor, frames, *found)
        if again != found or not _leaves(self._processor, *found):
            return None
        if not _one_size(self._processor, height, width):
            return None
        return found[1], found[0]

    def resized(self, pixels: Pixels, width: int, height: int) -> Pixels:
        """One frame, uint8 [H, W, 3], at this size."""
        return self._processor.resized(pixels, height, width)

    @property
    def _processor(self) -> VideoResizer:
        return _read(self.folder, json.dumps(self.settings, sort_keys=True))


@functools.lru_cache(maxsize=4)
def _read(folder: Path, settings: str) -> VideoResizer:
    """The processor, kept for the next clips of this process."""
    from harness.models.transformers.writers import read_processor

    processor, calls = read_processor(folder, json.loads(settings))
    video = getattr(processor, "video_processor", None)
    return VideoResizer(video, calls.get("videos_kwargs", {}))


class _Asked(Exception):
    """Ends a processor's work once it has resized."""


class VideoResizer:
    """A video processor of its own, which nobody else calls."""

    def __init__(self, video: Any, settings: Mapping[str, JSON]) -> None:
        self._video = video
        self._settings = settings
        self._how: dict[str, Any] = {}

    def target(self, frames: int, height: int, width: int) -> tuple[int, int] | None:
        """The (height, width) that it gives so many frames; None where it does not say."""
        import torch

        clip = torch.empty(frames, 3, height, width, dtype=torch.uint8, device="meta")
        made = self._asked(clip)
        return None if made is None else (int(made.shape[-2]), int(made.shape[-1]))

    def leaves(self, height: int, width: int) -> bool:
        """Whether frames of this size stay as they are, to the bit, unless two are given another
        size than the clip (two steps may not undo each other)."""
        import torch

        noise = torch.randint(0, 256, (2, 3, height, width), dtype=torch.uint8)
        made = self._asked(noise)
        if made is not None and made.dtype != torch.uint8:  # Molmo2 resizes fractions
            return False
        if made is None or made.shape[-2:] != noise.shape[-2:]:
            return made is not None
        return bool(torch.equal(made.reshape(noise.shape), noise))

    def one_size(self, height: int, width: int) -> bool:
        """Whether frames of this size are brought to one size only: MiniCPM-V shows a large one
        whole and in slices, each made of the frame as it was."""
        import torch

        found: list[Any] = []
        self._asked(torch.zeros(2, 3, height, width, dtype=torch.uint8), found)
        return len({made.shape[-2:] for made in found}) == 1

    def resized(self, pixels: Pixels, height: int, width: int) -> Pixels:
        """One frame at this size: by the family's own method where it gives two frames (some take
        no fewer) the same size as the clip, else by what all of them share."""
        import torch
        from transformers.image_processing_backends import TorchvisionBackend
        from transformers.image_utils import SizeDict

        frame = torch.from_numpy(pixels).permute(2, 0, 1).contiguous()[None]
        made = self._asked(frame.expand(2, -1, -1, -1))
        if made is None or tuple(made.shape[-2:]) != (height, width):
            plain: Any = TorchvisionBackend.resize
            made = plain(self._video, frame, SizeDict(height=height, width=width), **self._how)
        found: Pixels = made.reshape(-1, 3, height, width)[0].permute(1, 2, 0).numpy()
        return found

    def _asked(self, clip: Any, every: list[Any] | None = None) -> Any:
        """What its ``resize`` makes of a clip [T, 3, H, W]; None where it is not called so. With
        ``every`` it goes on, and what each call makes is added there."""
        found: list[Any] = [] if every is None else every
        video = copy.copy(self._video)  # a clip's frames and the next clip's size are asked at once
        real = getattr(video, "resize", None)
        if real is None:
            return None

        def asked(*args: Any, **kwargs: Any) -> Any:
            found.append(real(*args, **kwargs))
            self._how = {k: kwargs[k] for k in ("resample", "antialias") if k in kwargs}
            if every is not None:
                return found[-1]
            raise _Asked

        video.resize = asked
        # no kernel for what has no numbers; too few
        with suppress(_Asked, RuntimeError, ValueError):
            video(videos=[clip], do_sample_frames=False, **self._settings)
        return found[0] if found else None


@functools.lru_cache(maxsize=256)
def _target(
    processor: VideoResizer, frames: int, height: int, width: int
) -> tuple[int, int] | None:
    return processor.target(frames, height, width)


@functools.lru_cache(maxsize=256)
def _one_size(resizer: VideoResizer, height: int, width: int) -> bool:
    return resizer.one_size(height, width)


@functools.lru_cache(maxsize=256)
def _leaves(resizer: VideoResizer, height: int, width: int) -> bool:
    return resizer.leaves(height, width)
