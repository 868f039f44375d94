"""``probe`` and ``read``: the door to all ways of reading a video."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Literal

from harness.errors import RequestError
from harness.types import Frames, VideoInfo
from harness.video.decode import Damaged, open_video
from harness.video.folder import probe_folder, read_folder

Decoder = Literal["pyav", "torchcodec", "decord"]


def probe(
    path: str | PathLike[str],
    *,
    fps: float | None = None,
    damaged: Damaged = "fail",
    decoder: Decoder = "pyav",
) -> VideoInfo:
    """What the video holds, as decoding all of it would yield it.

    ``path`` may be a folder of numbered frames, whose clock is ``fps``. Raises VideoError when it
    cannot be read, or is damaged and ``damaged`` is "fail".
    """
    file = Path(path)
    if file.is_dir():
        return probe_folder(file, fps)
    with open_video(file) as video:
        video.usable(damaged)
        return video.info


def read(
    path: str | PathLike[str],
    indices: Sequence[int],
    *,
    size: int | None = None,
    damaged: Damaged = "fail",
    decoder: Decoder = "pyav",
    fps: float | None = None,
) -> Frames:
    """The frames at ``indices`` (presentation order from 0, any order, repeats allowed).

    pixels uint8 [len(indices), H, W, 3] RGB, upright; times in seconds from the first frame.
    ``size`` shrinks each frame so that its shortest edge is ``size``, aspect kept, bicubic
    (``convert.shrunk``: what CLIP's processor would do next; never enlarged); None is full size,
    bit for bit ``frame.to_ndarray(format="rgb24")``.

    Raises VideoError when the video cannot be read, an index is not in it, or a target frame is
    damaged. Under ``damaged="partial"`` the sound frames are returned, ``indices`` says which,
    and ``damage`` what was missing.
    """
    if len(indices) == 0:
        raise RequestError(f"{path}: no frame asked for")
    file = Path(path)
    if file.is_dir():
        return read_folder(file, indices, fps, size)
    with open_video(file) as video:
        return video.read(indices, size=size, damaged=damaged)
