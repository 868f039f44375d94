"""A folder of numbered frames read as a video, as MVBench's episodic_reasoning is kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from harness.errors import RequestError, VideoError
from harness.types import Frames, Pixels, VideoInfo
from harness.video.convert import shrunk

_PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}


@lru_cache(maxsize=64)
def numbered(folder: Path) -> tuple[tuple[int, Path], ...]:
    """The folder's pictures as (number, file), ascending by the last number in their name.

    Raises VideoError when there is none, or when two carry the same number.
    """
    files = [f for f in folder.iterdir() if f.suffix.lower() in _PICTURES]
    found = [(int(m[-1]), f) for f in files if (m := re.findall(r"\d+", f.stem))]
    if not found:
        raise VideoError(f"{folder}: a folder without numbered pictures (00001.jpg, …)")
    found.sort()
    if len({number for number, _ in found}) < len(found):
        raise VideoError(f"{folder}: two pictures carry the same number")
    return tuple(found)


def probe_folder(folder: Path, fps: float | None) -> VideoInfo:
    """What the folder holds; its clock is ``fps``. Raises RequestError without one."""
    if not fps or fps <= 0:
        raise RequestError(f"{folder}: a folder of frames has no clock: give fps, e.g. fps=3")
    files = numbered(folder)
    height, width = _picture(files[0][1]).shape[:2]
    return VideoInfo(len(files), fps, len(files) / fps, width, height)


def read_folder(
    folder: Path, indices: Sequence[int], fps: float | None, size: int | None
) -> Frames:
    """The pictures at these places, all scaled to the first one's size (or its ``size``)."""
    info = probe_folder(folder, fps)
    files = numbered(folder)
    bad = [i for i in indices if not 0 <= i < info.count]
    if bad:
        raise VideoError(f"{folder}: frame {bad[0]} asked of {info.count} pictures")
    width, height = shrunk(info.width, info.height, size)
    pictures = {i: _picture(files[i][1], (width, height)) for i in set(indices)}
    times = np.asarray(indices, np.float64) / info.fps
    pixels = np.stack([pictures[i] for i in indices])
    return Frames(pixels, times, tuple(indices))


def _picture(file: Path, size: tuple[int, int] | None = None) -> Pixels:
    from PIL import Image, UnidentifiedImageError  # late: most videos are not folders

    try:
        with Image.open(file) as picture:
            rgb = picture.convert("RGB")
            if size is not None and rgb.size != size:
                rgb = rgb.resize(size, Image.Resampling.BICUBIC)
            return np.asarray(rgb)
    except (UnidentifiedImageError, OSError) as error:
        raise VideoError(f"{file}: not a readable picture ({error})") from error
