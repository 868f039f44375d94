"""A folder of numbered frames read as a video, as MVBench's episodic_reasoning is kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from harness.errors import VideoError
from harness.types import FrameResize, Frames, Pixels, VideoInfo
from harness.video.convert import shrunk
from harness.video.pixel_buffer import Allocate

_PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}


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


class FrameFolder:
    """An open folder of frames; ``fps`` is its clock. Raises VideoError without one."""

    def __init__(self, folder: Path, fps: float | None) -> None:
        if not fps or fps <= 0:
            raise VideoError(
                f"{folder}: a folder of frames has no clock: give fps, e.g. fps=3, in its row, in "
                "the task or on the command line"
            )
        self._folder, self._files = folder, numbered(folder)
        self.first = self._files[0][0]
        height, width = _picture(self._files[0][1]).shape[:2]
        count = len(self._files)
        self.info = VideoInfo(count, fps, count / fps, width, height)

    def usable(self, damaged: str) -> None:
        """Each picture is judged when it is read."""

    def read(
        self,
        indices: Sequence[int],
        *,
        size: int | None = None,
        resize: FrameResize | None = None,
        damaged: str = "fail",
        allocate: Allocate | None = None,
    ) -> Frames:
        """The pictures at these places, all scaled to the first one's size (or its ``size``)."""
        if outside := [i for i in indices if not 0 <= i < self.info.count]:
            raise VideoError(f"{self._folder}: frame {outside[0]} asked of {self.info.count}")
        target = shrunk(self.info.width, self.info.height, size)
        made = resize.size(len(indices), *target) if resize else None
        pictures = {}
        for i in sorted(set(indices)):
            picture = _picture(self._files[i][1], target)
            pictures[i] = resize.resized(picture, *made) if resize and made else picture
        times = np.asarray(indices, np.float64) / self.info.fps
        return Frames(np.stack([pictures[i] for i in indices]), times, tuple(indices))


def _picture(file: Path, size: tuple[int, int] | None = None) -> Pixels:
    from PIL import Image, ImageOps, UnidentifiedImageError  # late: most videos are not folders

    try:
        with Image.open(file) as picture:
            rgb = ImageOps.exif_transpose(picture).convert("RGB")
            if size is not None and rgb.size != size:
                rgb = rgb.resize(size, Image.Resampling.BICUBIC)
            return np.asarray(rgb)
    except (UnidentifiedImageError, OSError) as error:
        raise VideoError(f"{file}: not a readable picture ({error})") from error
