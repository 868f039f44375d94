"""Other decoders, to reproduce numbers that were made with them. Extras, off by default.

Their counts, their frames, their clocks: nothing is corrected. What each is known to get wrong,
on the encodings of this project's own tests, stands in its docstring.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import RequestError, VideoError
from harness.types import FrameResize, Frames, Pixels, VideoInfo
from harness.video.convert import shrunk
from harness.video.pixel_buffer import Allocate

# What they raise for a bad file; both wrap FFmpeg's errors in RuntimeError.
_ERRORS = (RuntimeError, ValueError, IndexError, OSError)


class _Other(ABC):
    """One of them, open. ``info`` is what it says of the video."""

    first = 0
    info: VideoInfo

    def __init__(self, path: Path) -> None:
        self._path = path
        self._whole = self._open(None)

    @abstractmethod
    def _open(self, size: tuple[int, int] | None) -> Any:
        """Its decoder, that gives frames of this width and height (None: of their own)."""

    @abstractmethod
    def _frames(self, decoder: Any, indices: list[int]) -> tuple[Pixels, NDArray[np.float64]]:
        """Pixels [n, H, W, 3] and seconds [n] of the frames at these places."""

    @contextmanager
    def _named(self, *more: type[Exception]) -> Iterator[None]:
        """Its errors, and ``more``, as VideoError with its name."""
        try:
            yield
        except _ERRORS + more as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            name = type(self).__name__.lower()
            raise VideoError(
                f"{self._path}: {name} cannot read it ({lines[0]}): try decoder=pyav"
            ) from error

    def usable(self, damaged: str) -> None:  # noqa: B027
        """It cannot tell a damaged file from a sound one."""

    def read(
        self,
        indices: Sequence[int],
        *,
        size: int | None = None,
        resize: FrameResize | None = None,
        damaged: str = "fail",
        allocate: Allocate | None = None,
    ) -> Frames:
        """Its frames at these places; damaged files fail or not, as it pleases. ``resize`` is left
        to the model, which does the same with whole frames."""
        target = shrunk(self.info.width, self.info.height, size)
        as_they_are = target == (self.info.width, self.info.height)
        decoder = self._whole if as_they_are else self._open(target)
        asked = [int(i) for i in indices]
        return Frames(*self._frames(decoder, asked), tuple(asked))


class Torchcodec(_Other):
    """torchcodec, in its exact seek mode, one thread, its own resizing where ``size`` is given.

    Known to fail on AVI and transport streams, and on videos that change size; in approximate
    mode also on FLV, edit lists and wrong durations. It needs FFmpeg's libraries on the system.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        about = self._whole.metadata
        self._start = float(about.begin_stream_seconds or 0.0)
        duration = float(about.end_stream_seconds or about.duration_seconds or 0.0) - self._start
        count, fps = len(self._whole), float(about.average_fps or 0.0)
        self.info = VideoInfo(count, fps, duration or count / fps, about.width, about.height)

    def _open(self, size: tuple[int, int] | None) -> Any:
        decoders = _extra("torchcodec.decoders")
        resize = [_extra("torchcodec.transforms").Resize(size[::-1])] if size else None
        with self._named():
            return decoders.VideoDecoder(
                str(self._path), dimension_order="NHWC", num_ffmpeg_threads=1, transforms=resize
            )

    def _frames(self, decoder: Any, indices: list[int]) -> tuple[Pixels, NDArray[np.float64]]:
        with self._named():
            batch = decoder.get_frames_at(indices)
        return batch.data.numpy(), batch.pts_seconds.numpy().astype(np.float64) - self._start


class Decord(_Other):
    """decord, one thread, its own resizing where ``size`` is given.

    Known to return other frames than asked for on open-GOP H.264 and HEVC, edit lists, AVI,
    transport streams and 10-bit HEVC, without an error; it has no AV1.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        fps, count = float(self._whole.get_avg_fps()), len(self._whole)
        height, width = self._whole[0].shape[:2]
        self.info = VideoInfo(count, fps, count / fps, width, height)

    def _open(self, size: tuple[int, int] | None) -> Any:
        width, height = size or (-1, -1)
        decord = _extra("decord")
        with self._named(decord.DECORDError):
            return decord.VideoReader(str(self._path), width=width, height=height, num_threads=1)

    def _frames(self, decoder: Any, indices: list[int]) -> tuple[Pixels, NDArray[np.float64]]:
        with self._named(_extra("decord").DECORDError):
            pixels = decoder.get_batch(indices).asnumpy()
            times = decoder.get_frame_timestamp(indices)[:, 0].astype(np.float64)
        return pixels, times


def _extra(module: str) -> Any:
    """An optional package. Raises RequestError, saying how to install it."""
    name = module.partition(".")[0]
    try:
        return import_module(module)
    except (ImportError, OSError, RuntimeError) as error:  # torchcodec's own, without FFmpeg
        reason = "is not installed" if isinstance(error, ModuleNotFoundError) else "does not load"
        raise RequestError(
            f"decoder={name}: it {reason}: pip install 'video-eval-harness[{name}]', or use "
            "decoder=pyav"
        ) from error
