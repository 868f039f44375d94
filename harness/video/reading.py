"""``probe`` and ``read``: the door to all ways of reading a video."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Literal, Protocol

from harness.errors import RequestError
from harness.types import FrameResize, Frames, VideoInfo
from harness.video.exact_reader import Damaged, open_video
from harness.video.frame_folder import FrameFolder
from harness.video.index import Choose
from harness.video.pixel_buffer import Allocate

Decoder = Literal["pyav", "torchcodec", "decord"]


class Readable(Protocol):
    """An open video, whatever reads it. ``first`` is the number of its first frame where frames
    are numbered files, else 0."""

    @property
    def info(self) -> VideoInfo: ...
    @property
    def first(self) -> int: ...
    def usable(self, damaged: Damaged) -> None: ...
    def read(
        self,
        indices: Sequence[int],
        *,
        size: int | None = None,
        resize: FrameResize | None = None,
        damaged: Damaged = "fail",
        allocate: Allocate | None = None,
    ) -> Frames: ...


@contextmanager
def opened(
    path: Path,
    *,
    fps: float | None = None,
    decoder: Decoder = "pyav",
    choose: Choose | None = None,
) -> Iterator[Readable]:
    """The video at ``path``, open. ``choose`` names the frames that will be read, from what the
    video holds: a file that must be decoded whole to know that is then decoded once, not twice.

    Raises VideoError, or RequestError for an unknown decoder.
    """
    if path.is_dir():
        yield FrameFolder(path, fps)
    elif decoder == "pyav":
        with open_video(path, choose) as video:
            yield video
    else:
        from harness.video import other_decoders  # late: for those who asked for them

        kinds: Mapping[str, Callable[[Path], Readable]]
        kinds = {"torchcodec": other_decoders.Torchcodec, "decord": other_decoders.Decord}
        if decoder not in kinds:
            raise RequestError(f"decoder={decoder!r}: write pyav, torchcodec or decord")
        yield kinds[decoder](path)


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
    with opened(Path(path), fps=fps, decoder=decoder) as video:
        video.usable(damaged)
        return video.info


def read(
    path: str | PathLike[str],
    indices: Sequence[int],
    *,
    size: int | None = None,
    resize: FrameResize | None = None,
    damaged: Damaged = "fail",
    decoder: Decoder = "pyav",
    fps: float | None = None,
) -> Frames:
    """The frames at ``indices`` (presentation order from 0, any order, repeats allowed).

    pixels uint8 [len(indices), H, W, 3] RGB, upright; times in seconds from the first frame.
    ``size`` shrinks each frame so that its shortest edge is ``size``, aspect kept, bicubic
    (``convert.shrunk``: what CLIP's processor would do next; never enlarged); None is full size,
    bit for bit ``frame.to_ndarray(format="rgb24")``. ``resize`` is a model's own resizing, which
    each frame goes through as it is decoded (not with other decoders: their frames stay whole).

    Raises VideoError when the video cannot be read, an index is not in it, or a target frame is
    damaged. Under ``damaged="partial"`` the sound frames are returned, ``indices`` says which,
    and ``damage`` what was missing.
    """
    if len(indices) == 0:
        raise RequestError(f"{path}: no frame asked for")
    with opened(Path(path), fps=fps, decoder=decoder, choose=lambda _: indices) as video:
        return video.read(indices, size=size, resize=resize, damaged=damaged)
