"""A video and the frames read from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Times = NDArray[np.float64]


@dataclass(frozen=True)
class VideoInfo:
    """What a video holds, as a full decode would yield it (never as its header says).

    ``count`` frames; ``fps`` frames per second (average); ``duration`` seconds;
    ``width`` × ``height`` pixels as displayed (after rotation).
    """

    count: int
    fps: float
    duration: float
    width: int
    height: int


@dataclass(frozen=True, eq=False)
class Frames:
    """Frames read from one video: ``pixels`` uint8 [T, H, W, 3] RGB, ``times`` float64 [T] seconds.

    ``indices`` are the frames' places in presentation order; ``damage`` says what was missing
    when a damaged video was read with ``damaged=partial`` (empty for a healthy one); ``notes`` say
    what else is not as asked (a segment that was cut to the video's end).
    """

    pixels: Pixels
    times: Times
    indices: tuple[int, ...] = ()
    damage: str = ""
    notes: tuple[str, ...] = ()
