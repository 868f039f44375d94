"""The clips that the benchmarks read: made once, with x264, from a moving noisy picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

FPS = 30


@dataclass(frozen=True)
class Shape:
    """How long and how large a clip is: ``seconds`` of it are encoded, then repeated, with a
    keyframe at every cut and at least every ``gop`` frames (x264's default: 250)."""

    seconds: int
    repeats: int
    width: int
    height: int
    gop: int = 250


CLIPS = {
    "10s": Shape(10, 1, 1280, 720),
    "60s": Shape(60, 1, 1280, 720),
    "30min": Shape(60, 30, 640, 360),
    "30min-5s": Shape(60, 30, 640, 360, gop=5 * FPS),
}

# for what is not about decoding
SHORT = {"2s": Shape(2, 1, 1280, 720), "1080p": Shape(2, 13, 1920, 1080)}


def clip_file(name: str, folder: Path) -> Path:
    """The clip's file in this folder, made if it is not there yet."""
    path = folder / f"{name}.mp4"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.mp4")
        _make(part, (CLIPS | SHORT)[name])
        part.rename(path)
    return path


def _make(path: Path, shape: Shape) -> None:
    with av.open(str(path), "w") as container:
        options = {"crf": "26", "g": str(shape.gop)}
        stream = container.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = shape.width, shape.height, "yuv420p"
        packets = list(_encoded(stream, shape))
        for turn in range(shape.repeats):
            for packet in packets:
                copy = Packet(bytes(packet))
                copy.stream, copy.time_base = stream, packet.time_base
                copy.is_keyframe = packet.is_keyframe
                by = round(turn * shape.seconds / packet.time_base) if packet.time_base else 0
                copy.pts, copy.dts = (packet.pts or 0) + by, (packet.dts or 0) + by
                container.mux(copy)


def _encoded(stream: VideoStream, shape: Shape) -> Iterator[Packet[VideoStream]]:
    for frame in _frames(shape):
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _frames(shape: Shape) -> Iterator[VideoFrame]:
    """A scene that pans, with a disc that moves against it, sensor noise, and a cut every 8 s."""
    width, height = shape.width, shape.height
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width]
    noise = rng.normal(0, 5, (8, height, width))
    for place in range(shape.seconds * FPS):
        if place % (8 * FPS) == 0:
            scene = _scene(rng, width + 400, height + 200)
        step = place % (8 * FPS)
        right, down = int(200 + 180 * np.sin(step / 60)), int(100 + 90 * np.cos(step / 80))
        luma = scene[down : down + height, right : right + width].copy()
        disc = (x - width * (0.5 + 0.3 * np.sin(step / 20))) ** 2 + (y - height / 2) ** 2
        luma[disc < (height / 6) ** 2] = 200
        luma = np.clip(luma + noise[place % 8], 16, 235).astype(np.uint8)
        chroma = np.full((height // 2, width), 128, np.uint8)
        chroma[:, : width // 2] = luma[::2, ::2] // 4 + 96
        frame = VideoFrame.from_ndarray(np.vstack([luma, chroma]), format="yuv420p")
        frame.pts = place
        yield frame


def _scene(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Texture at every scale, as nature has it: float [height, width] around mid-grey."""
    total = np.zeros((height, width))
    for scale in (64, 32, 16, 8, 4):
        coarse = rng.normal(0, 1, (height // scale + 2, width // scale + 2))
        total += scale**0.6 * coarse.repeat(scale, 0).repeat(scale, 1)[:height, :width]
    return 126 + 45 * total / total.std()
