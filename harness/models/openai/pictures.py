"""Frames as a server takes them: vLLM's container of pictures, a lossless video, or pictures.

Lossless by default. The largest change of a letter's probability on the demo against exact frames:
PNG 4e-6, JPEG 100 without chroma subsampling 0.007, JPEG 95 0.012, JPEG 75 0.022.
"""

from __future__ import annotations

import base64
import functools
import io
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Any, Literal

import av
import numpy as np

from harness.types import Pixels

Picture = Literal["png", "webp", "jpeg"]
Codec = Literal["h264", "ffv1"]

MOST_THREADS = 8
"""That encode a clip's frames side by side."""

_CODECS: dict[Codec, tuple[str, str, str, str, dict[str, str]]] = {
    # encoder, container, MIME type, pixel format, options
    "h264": ("libx264rgb", "mp4", "video/mp4", "rgb24", {"qp": "0", "preset": "ultrafast"}),
    "ffv1": ("ffv1", "matroska", "video/x-matroska", "bgr0", {}),
}


def encode_picture(pixels: Pixels, picture: Picture, quality: int) -> bytes:
    """One picture [H, W, 3] as base64; ``quality`` is JPEG's (no chroma subsampling).

    PNG by FFmpeg's encoder with one filter for all rows, WebP without its search for smaller files:
    half the time of Pillow's PNG and a fifth of its usual lossless WebP, and no larger
    (benchmarks/RESULTS.md, Served models)."""
    pixels = np.ascontiguousarray(pixels)
    return base64.b64encode(_png(pixels) if picture == "png" else _saved(pixels, picture, quality))


def picture_url(pixels: Pixels, picture: Picture, quality: int) -> bytes:
    """One picture as a data URL."""
    return b"data:image/%s;base64," % picture.encode() + encode_picture(pixels, picture, quality)


def picture_urls(frames: Sequence[Pixels] | Pixels, picture: Picture, quality: int) -> list[bytes]:
    """Each frame of [T, H, W, 3] as a data URL."""
    return list(_encoders().map(lambda frame: picture_url(frame, picture, quality), frames))


def container_url(frames: Sequence[Pixels] | Pixels, picture: Picture, quality: int) -> bytes:
    """Frames [T, H, W, 3] in vLLM's container: base64 pictures, commas between them. It is named
    ``video/jpeg`` whatever the pictures are: they are told by their own first bytes."""
    pictures = _encoders().map(lambda frame: encode_picture(frame, picture, quality), frames)
    return b"data:video/jpeg;base64," + b",".join(pictures)


def _png(pixels: Pixels) -> bytes:
    encoder = av.CodecContext.create("png", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.height, encoder.width = pixels.shape[:2]
    encoder.pix_fmt, encoder.time_base = "rgb24", Fraction(1)
    encoder.options = {"compression_level": "1", "pred": "up"}
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
    frame.pts = 0
    return b"".join(bytes(packet) for given in (frame, None) for packet in encoder.encode(given))


def _saved(pixels: Pixels, picture: Picture, quality: int) -> bytes:
    from PIL import Image

    settings: dict[str, dict[str, Any]] = {
        "webp": {"lossless": True, "exact": True, "method": 0, "quality": 0},
        "jpeg": {"quality": quality, "subsampling": 0},
    }
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, picture.upper(), **settings[picture])
    return buffer.getvalue()


@functools.cache
def _encoders() -> ThreadPoolExecutor:
    """Threads for a clip's frames: the encoders let go of Python's lock."""
    return ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1), "pictures")


def video_url(frames: Pixels, times: Sequence[float], codec: Codec) -> bytes:
    """Frames [T, H, W, 3] as a lossless video file of constant rate: that of the mean gap between
    their times (seconds), so that the file's own clock is right where they are evenly spaced."""
    encoder, container, mime, pixel_format, options = _CODECS[codec]
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream(encoder, rate=frame_rate(times), options=options)
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = pixel_format
        for pixels in frames:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            output.mux(stream.encode(frame.reformat(format=pixel_format)))
        output.mux(stream.encode())
    return b"data:%s;base64," % mime.encode() + base64.b64encode(buffer.getvalue())


def frame_rate(times: Sequence[float]) -> Fraction:
    """Frames per second of evenly spaced frames at these times; 1 for a single one."""
    span = times[-1] - times[0] if len(times) > 1 else 0.0
    rate = Fraction((len(times) - 1) / span) if span > 0 else Fraction(1)
    return rate.limit_denominator(10_000)
