"""A sample's pictures as a processor is given them: each the same object, however often shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.errors import RequestError
from harness.types import Clip, Frames, Prompt, Question, Sample, Text, Turn, Video, VideoInfo

COUNTED = (720, 1280)  # height and width in pixels of the frames that planning counts tokens with
COUNTED_PROMPT = Prompt(Question("any", ""), (Turn("user", (Video(), Text("?"))),))
"""What planning asks of them."""


class Shown:
    """The pictures of a sample."""

    def __init__(self, sample: Sample) -> None:
        frames = sample.frames
        self._pixels = np.empty((0, 0, 0, 3), np.uint8) if frames is None else frames.pixels
        self.times = np.empty(0) if frames is None else frames.times
        self._info = sample.info
        self._known: dict[Any, Any] = {}

    @property
    def count(self) -> int:
        """How many frames there are."""
        return len(self._pixels)

    def frame(self, number: int) -> Any:
        """One frame, uint8 [H, W, 3]."""
        return self._known.setdefault(number, self._pixels[number])

    def still(self, pixels: Any) -> Any:
        """A picture beside the frames, uint8 [H, W, 3]."""
        return self._known.setdefault((pixels.shape, pixels.tobytes()), pixels)

    def video(self, start: int, stop: int | None) -> Any:
        """A span of frames, uint8 [T, H, W, 3]. Raises RequestError where there are none."""
        span = self._pixels[start:stop]
        if not len(span):
            raise RequestError("the prompt shows a video, and there are no frames")
        return self._known.setdefault(("video", start, stop), span)

    def metadata(self, start: int, stop: int | None) -> Any:
        """What the processor is told: the frames' true times, as places in a video of constant
        rate (``frames_indices`` = times × fps, not rounded), a number of frames that makes the rate
        they were sampled at their own mean rate (``rate``), and how long the whole video is.
        Raises RequestError where nothing is known of it."""
        from transformers.video_utils import VideoMetadata

        times = self.times[start:stop]
        if self._info is None:
            raise RequestError("the prompt shows a video, and nothing is known of it")
        fps = self._info.fps
        total: Any = len(times) / self.rate(start, stop) * fps
        indices: Any = [float(time * fps) for time in times]
        return VideoMetadata(
            total_num_frames=total,
            fps=fps,
            width=self._info.width,
            height=self._info.height,
            duration=self._info.duration,
            frames_indices=indices,
        )

    def rate(self, start: int, stop: int | None) -> float:
        """How many of a span's frames are shown a second, on average; of one alone: the video's
        rate. Raises RequestError where nothing is known of it."""
        if self._info is None:
            raise RequestError("the prompt shows a video, and nothing is known of it")
        times = self.times[start:stop]
        if len(times) < 2 or times[-1] <= times[0]:
            return float(self._info.fps)
        return float((len(times) - 1) / (times[-1] - times[0]))


def plain_sample(frames: int, prompts: Sequence[Prompt]) -> Sample:
    """A clip of black frames of 1280 × 720, a second apart; memory is taken where they are read."""
    pixels = np.zeros((frames, *COUNTED, 3), np.uint8)
    length = max(frames, 1)
    info = VideoInfo(length, 1.0, float(length), COUNTED[1], COUNTED[0])
    shown = Frames(pixels, np.arange(frames, dtype=np.float64))
    return Sample(Clip("", None), info, shown, tuple(prompts))
