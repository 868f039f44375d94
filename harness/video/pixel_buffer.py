"""Frames on their way from the decoder to the array that is handed out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Protocol

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from harness.errors import VideoError
from harness.types import Frames, Pixels
from harness.video.convert import Converter, Resized

Allocate = Callable[[tuple[int, ...]], Pixels]


class Collecting(Protocol):
    """What takes decoded frames."""

    def put(self, frame: VideoFrame, index: int) -> None: ...
    def take(self, frames: Iterator[VideoFrame], wanted: Mapping[int, int]) -> bool: ...
    def forget(self, indices: Collection[int]) -> None: ...


class PixelBuffer:
    """The pixels read so far, one row for each distinct frame, filled in any order."""

    def __init__(
        self, converter: Converter | Resized, indices: Sequence[int], allocate: Allocate | None
    ) -> None:
        self._converter = converter
        self._indices = tuple(int(i) for i in indices)
        distinct = sorted(set(self._indices))
        self.asked = len(distinct)
        self._rows: Mapping[int, int] = {index: row for row, index in enumerate(distinct)}
        self._done: set[int] = set()
        shape = (len(distinct), converter.height, converter.width, 3)
        self._pixels = allocate(shape) if allocate else np.empty(shape, np.uint8)

    def put(self, frame: VideoFrame, index: int) -> None:
        """Converts a frame into its row. Raises VideoError when swscale cannot."""
        try:
            self._converter.into(frame, self._pixels[self._rows[index]])
        except av.error.FFmpegError as error:
            raise VideoError(f"frame {index} cannot be converted to RGB ({error})") from error
        self._done.add(index)

    def put_as(self, other: PixelBuffer, index: int) -> None:
        """The frame's row as ``other`` has it, which converts as this does."""
        self._pixels[self._rows[index]] = other._pixels[other._rows[index]]
        self._done.add(index)

    def __contains__(self, index: int) -> bool:
        """Whether this frame was asked for."""
        return index in self._rows

    @property
    def converter(self) -> Converter | Resized:
        return self._converter

    def take(self, frames: Iterator[VideoFrame], wanted: Mapping[int, int]) -> bool:
        """Takes the wanted ones (pts → index) of these frames; whether all of them came."""
        return _take(self, frames, wanted)

    def forget(self, indices: Collection[int]) -> None:
        """Takes frames back that turned out to be damaged."""
        self._done.difference_update(indices)

    def frames(self, times: NDArray[np.float64], damage: str) -> Frames:
        """What was collected, in the order asked; ``times`` are those of all the video's frames."""
        kept = tuple(i for i in self._indices if i in self._done)
        rows = [self._rows[i] for i in kept]
        whole = rows == list(range(len(self._pixels)))  # the usual case: nothing to copy
        pixels = self._pixels if whole else self._pixels[rows]
        return Frames(pixels, times[list(kept)], kept, damage)


class SharedBuffer:
    """Several clips' buffers, filled by one pass: a frame that several of them want at one size is
    converted once."""

    def __init__(self, buffers: Sequence[PixelBuffer]) -> None:
        self._buffers = buffers

    def put(self, frame: VideoFrame, index: int) -> None:
        """Converts a frame into its row of each that wants it. Raises VideoError as each does."""
        filled: dict[int, PixelBuffer] = {}
        for buffer in self._buffers:
            if index not in buffer:
                continue
            if other := filled.get(id(buffer.converter)):
                buffer.put_as(other, index)
            else:
                buffer.put(frame, index)
                filled[id(buffer.converter)] = buffer

    def take(self, frames: Iterator[VideoFrame], wanted: Mapping[int, int]) -> bool:
        """As ``PixelBuffer.take``."""
        return _take(self, frames, wanted)

    def forget(self, indices: Collection[int]) -> None:
        """Takes frames back that turned out to be damaged."""
        for buffer in self._buffers:
            buffer.forget(indices)


def _take(into: Collecting, frames: Iterator[VideoFrame], wanted: Mapping[int, int]) -> bool:
    came = 0
    for frame in frames:
        index = None if frame.pts is None else wanted.get(frame.pts)
        if index is not None:
            into.put(frame, index)
            came += 1
    return came == len(wanted)
