"""Other decoders, to reproduce numbers that were made with them. Extras, off by default.

Their counts, their frames, their clocks: nothing is corrected. What each is known to get wrong,
on the encodings of this project's own tests, stands in its docstring.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import RequestError, VideoError
from harness.types import FrameResize, Frames, VideoInfo
from harness.video.convert import shrunk
from harness.video.pixel_buffer import Allocate

# What they raise for a bad file; both wrap FFmpeg's errors in RuntimeError.
_ERRORS = (RuntimeError, ValueError, IndexError, OSError)


class Torchcodec:
    """torchcodec, in its exact seek mode, one thread, its own resizing where ``size`` is given.

    Known to fail on AVI and transport streams, and on videos that change size; in approximate
    mode also on FLV, edit lists and wrong durations. It needs FFmpeg's libraries on the system.
    """

    first = 0

    def __init__(self, path: Path) -> None:
        self._path = path
        self._decoder = self._open(None)
        about = self._decoder.metadata
        start = about.begin_stream_seconds or 0.0
        duration = float(about.end_stream_seconds or about.duration_seconds or 0.0) - start
        count, fps = len(self._decoder), float(about.average_fps or 0.0)
        self.info = VideoInfo(count, fps, duration or count / fps, about.width, about.height)
        self._start = float(start)

    def _open(self, size: tuple[int, int] | None) -> Any:
        decoders = _extra("torchcodec.decoders")
        resize = [_extra("torchcodec.transforms").Resize(size[::-1])] if size else None
        try:
            return decoders.VideoDecoder(
                str(self._path), dimension_order="NHWC", num_ffmpeg_threads=1, transforms=resize
            )
        except _ERRORS as error:
            raise _failed(self._path, "torchcodec", error) from error

    def usable(self, damaged: str) -> None:
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
        smaller = _smaller(self.info, size)
        decoder = self._open(smaller) if smaller else self._decoder
        try:
            batch = decoder.get_frames_at([int(i) for i in indices])
        except _ERRORS as error:
            raise _failed(self._path, "torchcodec", error) from error
        times = batch.pts_seconds.numpy().astype(np.float64) - self._start
        return Frames(batch.data.numpy(), times, tuple(int(i) for i in indices))


class Decord:
    """decord, one thread, its own resizing where ``size`` is given.

    Known to return other frames than asked for on open-GOP H.264 and HEVC, edit lists, AVI,
    transport streams and 10-bit HEVC, without an error; it has no AV1.
    """

    first = 0

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader = self._open(None)
        fps, count = float(self._reader.get_avg_fps()), len(self._reader)
        height, width = self._reader[0].shape[:2]
        self.info = VideoInfo(count, fps, count / fps, width, height)

    def _open(self, size: tuple[int, int] | None) -> Any:
        width, height = size or (-1, -1)
        decord = _extra("decord")
        try:
            return decord.VideoReader(str(self._path), width=width, height=height, num_threads=1)
        except (*_ERRORS, decord.DECORDError) as error:
            raise _failed(self._path, "decord", error) from error

    def usable(self, damaged: str) -> None:
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
        smaller = _smaller(self.info, size)
        reader = self._open(smaller) if smaller else self._reader
        asked = [int(i) for i in indices]
        try:
            pixels = reader.get_batch(asked).asnumpy()
            times = reader.get_frame_timestamp(asked)[:, 0].astype(np.float64)
        except (*_ERRORS, _extra("decord").DECORDError) as error:
            raise _failed(self._path, "decord", error) from error
        return Frames(pixels, times, tuple(asked))


def _smaller(info: VideoInfo, size: int | None) -> tuple[int, int] | None:
    """The width and height to shrink frames to; None where they may stay as they are."""
    target = shrunk(info.width, info.height, size)
    return None if target == (info.width, info.height) else target


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


def _failed(path: Path, name: str, error: Exception) -> VideoError:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return VideoError(f"{path}: {name} cannot read it ({lines[0]}): try decoder=pyav")
