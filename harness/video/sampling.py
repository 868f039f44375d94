"""Which frames of a video are looked at: pure functions of what the video holds.

Each rule is the one that some published code uses, bug for bug, under a name::

    linspace        LLaVA-NeXT-Video's evaluation scripts (the default)
    arange          the Hugging Face model cards' PyAV example
    midpoints       MVBench's notebook
    interior        VLMEvalKit
    fps             LLaVA-NeXT's later demo code: 1 frame a second, at most n (``fps:R``: R)
    longvideobench  LongVideoBench's loader

All take ``(info, n)`` and return ascending indices in 0..count-1. On a clip of fewer than n frames
the rules return some index more than once (``Sampling.short`` decides what becomes of that),
never an index that is not there. Worked examples are for 300 frames at 30 fps (10 s) and n = 8.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from harness.errors import RequestError
from harness.types import VideoInfo
from harness.video.segment import bounds

Sampler = Callable[[VideoInfo, int], list[int]]


def linspace(info: VideoInfo, n: int) -> list[int]:
    """n frames from the first to the last, evenly: ``np.linspace(0, T-1, n, dtype=int)``.

    Source: LLaVA-VL/LLaVA-NeXT, branch video_inference (e789bd4), every evaluation script.
    [0, 42, 85, 128, 170, 213, 256, 299].
    """
    return [int(i) for i in np.linspace(0, info.count - 1, n, dtype=int)]


def arange(info: VideoInfo, n: int) -> list[int]:
    """n steps of T/n from the first frame; never the last: ``np.arange(0, T, T/n).astype(int)``.

    Source: the model card of llava-hf/LLaVA-NeXT-Video-7B-hf. (Some releases of transformers write
    ``np.arange(0, T, T/n, dtype=int)``, whose step is an integer: that is a defect, not a rule.)
    [0, 37, 75, 112, 150, 187, 225, 262].
    """
    # float rounding can make arange one longer than n
    return [int(i) for i in np.arange(0, info.count, info.count / n).astype(int)[:n]]


def midpoints(info: VideoInfo, n: int) -> list[int]:
    """The middles of n equal parts: ``int(seg/2 + round(seg*i))`` with ``seg = (T-1)/n``.

    Source: OpenGVLab/Ask-Anything, video_chat2/mvbench.ipynb, get_index.
    [18, 55, 93, 130, 168, 205, 242, 280].
    """
    part = (info.count - 1) / n
    return [int(part / 2 + np.round(part * i)) for i in range(n)]


def interior(info: VideoInfo, n: int) -> list[int]:
    """The n inner bounds of n+1 equal parts, neither end: ``int(i * T/(n+1))``, i = 1..n.

    Source: open-compass/VLMEvalKit, vlmeval/dataset/video_base.py (e8e78f0).
    [33, 66, 100, 133, 166, 200, 233, 266].
    """
    step = info.count / (n + 1)
    return [int(i * step) for i in range(1, n + 1)]


def fps(info: VideoInfo, n: int, rate: float = 1.0) -> list[int]:
    """``rate`` frames a second when that is at most n frames, else ``linspace``.

    Source: LLaVA-VL/LLaVA-NeXT, playground/demo/video_demo.py, load_video (without force_sample).
    The step is ``round(fps / rate)`` frames, so 29.97 and 30 fps agree. A 10 s clip gives
    10 frames under n = 32, [0, 30, 60, … 270], and linspace's 8 under n = 8.
    """
    step = max(1, round(info.fps / rate))
    indices = list(range(0, info.count, step))
    return indices if len(indices) <= n else linspace(info, n)


def longvideobench(info: VideoInfo, n: int) -> list[int]:
    """At most one frame a second: ``m = min(n, int(duration))`` frames, ``int(T/m) * i``.

    Source: longvideobench/LongVideoBench, longvideobench_dataset.py, load_video. Its T is
    ``int(duration * fps)``, where its crash on clips under a second is one frame here.
    [0, 37, 74, 111, 148, 185, 222, 259].
    """
    # 1e-6: 9.999999 s and 299.999999 frames are what 10 s and 300 frames become in floats
    total = min(info.count, int(info.duration * info.fps + 1e-6))
    m = max(1, min(n, int(info.duration + 1e-6)))
    return [int(total / m) * i for i in range(m)]


SAMPLERS: Mapping[str, Sampler] = {
    "linspace": linspace,
    "arange": arange,
    "midpoints": midpoints,
    "interior": interior,
    "fps": fps,
    "longvideobench": longvideobench,
}


def spelt(rule: str) -> str:
    """A rule's one name: "fps", "fps:1" and "fps:1.0" are "fps:1". Raises RequestError for a rate
    that is none."""
    name, colon, value = rule.partition(":")
    if name != "fps":
        return rule
    try:
        rate = float(value) if colon else 1.0
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise RequestError(f"sampling {rule!r}: write a rate in frames per second, e.g. fps:0.5")
    return f"fps:{int(rate) if rate.is_integer() else rate}"


def sampler(rule: str) -> Sampler:
    """The rule of this name, ``fps:R`` included. Raises RequestError, naming the nearest."""
    name, colon, value = spelt(rule).partition(":")
    if name == "fps":
        rate = float(value)
        return lambda info, n: fps(info, n, rate)
    if colon or name not in SAMPLERS:
        near = difflib.get_close_matches(rule, SAMPLERS, 3, 0.4) or sorted(SAMPLERS)
        raise RequestError(f"no sampling rule {rule!r}: did you mean {' or '.join(near)}?")
    return SAMPLERS[name]


@dataclass(frozen=True)
class Sampling:
    """How a clip's frames are picked: ``frames`` of them by ``rule``, as model cards prescribe it.

    ``frames`` is how many, and for a rule that goes by the clip's length (``fps:R``) the most;
    ``min_frames`` the least where the clip has so many: where the rule gives fewer, ``linspace``
    picks them. ``by_duration`` are pairs of (seconds, frames), ascending: a clip (or its
    segment) of at most so many seconds gets so many frames, at most ``frames``, a longer one
    ``frames``. ``last``: the clip's last frame is always among them, in place of the last picked
    where ``frames`` are picked already. ``short`` says what a clip with too few frames gives:
    each frame that the rule picks once ("fewer"), or the rule's own repetitions ("repeat"), so
    that every clip has as many. ``pixels`` are the most of one frame, and ``total_pixels`` of all
    frames of a clip together: frames are shrunk to fit, their aspect kept (``shortest``).

    In a YAML file or on the command line: ``sampling=fps sampling.rule=fps:2 sampling.frames=768
    sampling.min_frames=4 sampling.last=true sampling.by_duration=[[60,8],[600,32]]``.
    Raises RequestError for an unknown rule or numbers that cannot be.
    """

    rule: str = "linspace"
    frames: int = 8
    short: Literal["fewer", "repeat"] = "fewer"
    min_frames: int = 1
    last: bool = False
    by_duration: tuple[tuple[float, int], ...] = ()
    pixels: int | None = None
    total_pixels: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "rule", spelt(self.rule))  # one spelling, one run id
        sampler(self.rule)
        if self.frames < 1:
            raise RequestError(f"frames={self.frames}: a clip needs at least one frame")
        if self.short not in ("fewer", "repeat"):
            raise RequestError(f"short={self.short!r}: write fewer or repeat")
        if not 1 <= self.min_frames <= self.frames:
            raise RequestError(
                f"min_frames={self.min_frames}: write 1 to frames={self.frames}, which is the most"
            )
        for name, most in (("pixels", self.pixels), ("total_pixels", self.total_pixels)):
            if most is not None and most < 1:
                raise RequestError(f"{name}={most}: a frame has at least one pixel")
        object.__setattr__(self, "by_duration", tuple((s, n) for s, n in self.by_duration))
        self._check_durations()

    def _check_durations(self) -> None:
        seconds = [limit for limit, _ in self.by_duration]
        if sorted(set(seconds)) != seconds or any(limit <= 0 for limit in seconds):
            raise RequestError(f"by_duration: its seconds must ascend, and {seconds} do not")
        for limit, frames in self.by_duration:
            if not self.min_frames <= frames <= self.frames:
                raise RequestError(
                    f"by_duration: {frames} frames up to {limit:g} s: write min_frames="
                    f"{self.min_frames} to frames={self.frames}, which is the most"
                )

    def indices(
        self, info: VideoInfo, segment: tuple[float, float] | None = None, *, first: int = 0
    ) -> list[int]:
        """The frames to read, ascending, within ``segment`` (start and end in seconds) if given.

        A segment covers the frames ``round(start * fps)`` to ``round(end * fps)``, both
        included and cut to what is there, as in MVBench's get_index. ``first`` is the number of
        the first frame where frames are numbered files: MVBench reads ``round(start * fps)``
        as such a number. Raises VideoError when the segment lies wholly outside the video.
        """
        start, stop = bounds(info, segment, first)
        count = stop - start
        part = replace(info, count=count, duration=info.duration * count / info.count)
        inside = [start + min(max(i, 0), count - 1) for i in self._picked(part)]
        return inside if self.short == "repeat" else sorted(set(inside))

    def _picked(self, part: VideoInfo) -> list[int]:
        """What is picked of a clip (or a segment) on its own."""
        most = next((n for s, n in self.by_duration if part.duration <= s), self.frames)
        picked = sampler(self.rule)(part, most)
        least = min(self.min_frames, part.count)
        if len(set(picked)) < least:
            picked = linspace(part, max(least, len(picked)))
        if self.last and part.count - 1 not in picked:
            picked = [*picked[: most - 1], part.count - 1]
        return picked

    def shortest(self, info: VideoInfo, frames: int, size: int | None = None) -> int | None:
        """The shortest edge in pixels that so many frames are shrunk to: ``size``, or what
        ``pixels`` and ``total_pixels`` leave if that is less; None: they stay as they are."""
        limits = [self.pixels] if self.pixels else []
        if self.total_pixels:
            limits.append(self.total_pixels // max(frames, 1))
        if not limits or info.width * info.height <= min(limits):
            return size
        short, long = sorted((info.width, info.height))
        edge = max(1, math.floor(math.sqrt(min(limits) * short / long)))
        return edge if size is None else min(edge, size)
