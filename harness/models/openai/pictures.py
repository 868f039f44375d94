"""Frames as a server takes them: vLLM's container of pictures, a lossless video, or pictures.

Lossless by default. The largest change of a letter's probability on the demo against exact frames:
PNG 4e-6, JPEG 100 without chroma subsampling 0.007, JPEG 95 0.012, JPEG 75 0.022.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Literal

import av
import numpy as np

from harness.types import Pixels

Picture = Literal["png", "webp", "jpeg"]
Codec = Literal["h264", "ffv1"]

_CODECS: dict[Codec, tuple[str, str, str, str, dict[str, str]]] = {
    # encoder, container, MIME type, pixel format, options
    "h264": ("libx264rgb", "mp4", "video/mp4", "rgb24", {"qp": "0", "preset": "ultrafast"}),
    "ffv1": ("ffv1", "matroska", "video/x-matroska", "bgr0", {}),
}


def encode_picture(pixels: Pixels, picture: Picture, quality: int) -> str:
    """One picture [H, W, 3] as base64; ``quality`` is JPEG's (no chroma subsampling)."""
    from PIL import Image

    settings: dict[str, dict[str, Any]] = {
        "png": {"compress_level": 1},
        "webp": {"lossless": True, "exact": True, "method": 0},
        "jpeg": {"quality": quality, "subsampling": 0},
    }
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, picture.upper(), **settings[picture])
    return base64.b64encode(buffer.getvalue()).decode()


def picture_url(pixels: Pixels, picture: Picture, quality: int) -> str:
    """One picture as a data URL."""
    return f"data:image/{picture};base64,{encode_picture(pixels, picture, quality)}"


def container_url(frames: Sequence[Pixels] | Pixels, picture: Picture, quality: int) -> str:
    """Frames [T, H, W, 3] in vLLM's container: base64 pictures, commas between them. It is named
    ``video/jpeg`` whatever the pictures are: they are told by their own first bytes."""
    pictures = (encode_picture(frame, picture, quality) for frame in frames)
    return "data:video/jpeg;base64," + ",".join(pictures)


def video_url(frames: Pixels, times: Sequence[float], codec: Codec) -> str:
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
    return f"data:{mime};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def frame_rate(times: Sequence[float]) -> Fraction:
    """Frames per second of evenly spaced frames at these times; 1 for a single one."""
    span = times[-1] - times[0] if len(times) > 1 else 0.0
    rate = Fraction((len(times) - 1) / span) if span > 0 else Fraction(1)
    return rate.limit_denominator(10_000)
