"""From a decoded frame to RGB pixels of the wanted size, in one pass of swscale.

Colours: the matrix and range that the file states; where it states none, BT.601 limited, as
FFmpeg, and so every published number made with it, assumes. HDR (PQ, HLG) is not tone-mapped
and looks pale, wide gamuts (BT.2020, P3) keep their numbers unconverted, the two fields of an
interlaced picture stay woven into one frame (coded as a frame or as two fields), alpha is
dropped, and non-square pixels are not stretched, as in OpenCV, decord, torchcodec and PyAV. Of
an interlaced picture each field has its own chroma, as PyAV has it; torchcodec and decord take
it for one picture's (2.9 of 255 levels apart on a test clip, on average).
Every way of reading a frame ends here, so that all treat it alike.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from av.buffer import Buffer
from av.sidedata.sidedata import SideDataContainer
from av.sidedata.sidedata import Type as Kind
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from harness.types import FrameResize, Pixels

# One thread: swscale's own default splits a small frame over every core and is slower for it.
_THREADS = 1


def shrunk(width: int, height: int, size: int | None) -> tuple[int, int]:
    """The (width, height) that ``size`` makes of a frame.

    Its shortest edge becomes ``size`` and the longer one ``int(size * long / short)``: the rule of
    Hugging Face's CLIP processor, whose own resize is then a no-op. Never enlarged: a smaller frame
    stays as it is, and the processor enlarges it just as it would have at full size.
    """
    short, long = min(width, height), max(width, height)
    if size is None or short <= size:
        return width, height
    longer = int(size * long / short)
    return (size, longer) if width <= height else (longer, size)


class Converter:
    """Turns one video's frames into pixels [height, width, 3]; keeps swscale's tables.

    ``width`` × ``height`` is the size as displayed that every frame is brought to; a frame of
    another size (it may change within a video) is scaled to it, as the ffmpeg program does.
    """

    def __init__(self, width: int, height: int, *, shrink: bool) -> None:
        self.width, self.height = width, height
        # At the frame's own size this choice decides nothing but swscale's path, and BILINEAR is
        # PyAV's default: the pixels then equal frame.to_ndarray(format="rgb24") bit for bit.
        self._filter = Interpolation.BICUBIC if shrink else Interpolation.BILINEAR
        self._scaler = VideoReformatter()

    def into(self, frame: VideoFrame, out: Pixels) -> None:
        """Writes the frame's pixels into ``out``, uint8 [height, width, 3]."""
        upright = _Upright.of(frame)
        width, height = self.width, self.height
        if upright.transposed:
            width, height = height, width
        rgb = self._scaler.reformat(
            frame,
            width=width,
            height=height,
            format="rgb24",
            interpolation=self._filter,
            dst_color_range=ColorRange.JPEG,
            threads=_THREADS,
        )
        plane = rgb.planes[0]
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        out[...] = upright.turn(rows[:height, : width * 3].reshape(height, width, 3))


class Resized:
    """A converter whose frames, at full size, are handed to a model's own resizing one by one."""

    def __init__(self, whole: Converter, size: tuple[int, int], resize: FrameResize) -> None:
        self.width, self.height = size
        self._whole = whole
        self._resize = resize
        self._frame = np.empty((whole.height, whole.width, 3), np.uint8)

    def into(self, frame: VideoFrame, out: Pixels) -> None:
        """Writes the frame's pixels into ``out``, uint8 [height, width, 3]."""
        self._whole.into(frame, self._frame)
        out[...] = self._resize.resized(self._frame, self.width, self.height)


@dataclass(frozen=True)
class _Upright:
    """How stored pixels become the picture as displayed: transposed, then mirrored."""

    transposed: bool = False
    mirrored_x: bool = False
    mirrored_y: bool = False

    @classmethod
    def of(cls, frame: VideoFrame) -> _Upright:
        """From the frame's display matrix: x' = ax + cy, y' = bx + dy (ISO/IEC 14496-12, 6.2.2)."""
        # ``frame.side_data`` would be kept by the frame, and keeps the frame: every picture would
        # stay in memory until Python looks for cycles, some 250 of 1080p (0.8 GB) later
        beside: Any = SideDataContainer  # its signature is not in PyAV's types
        matrix = cast("Buffer | None", beside(frame).get("DISPLAYMATRIX"))
        if matrix is None:
            return cls()
        a, b, _, c, d = struct.unpack_from("=5i", memoryview(matrix))
        if abs(b) + abs(c) > abs(a) + abs(d):
            return cls(True, c < 0, b < 0)
        return cls(False, a < 0, d < 0)

    def turn(self, pixels: Pixels) -> Pixels:
        """The pixels [H, W, 3] as displayed: a view."""
        turned = pixels.swapaxes(0, 1) if self.transposed else pixels
        return turned[:: -1 if self.mirrored_y else 1, :: -1 if self.mirrored_x else 1]


def displayed(frame: VideoFrame) -> tuple[int, int]:
    """The frame's (width, height) as displayed."""
    size = frame.width, frame.height
    return size[::-1] if _Upright.of(frame).transposed else size


def _unknown_kind(cls: type[Kind], value: Any) -> Kind:
    """PyAV lists what lies beside a frame all or not at all, and refuses kinds that it does not
    know (31: EXIF, of FFmpeg 8); ``frame.rotation`` tells no mirroring. So that the display matrix
    is to be had, an unknown kind is one without a name."""
    made = object.__new__(cls)
    made._name_, made._value_ = f"UNKNOWN_{value}", value
    return made


Kind._missing_ = classmethod(_unknown_kind)  # type: ignore[assignment]  # enum's own hook
