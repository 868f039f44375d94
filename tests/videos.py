"""The videos that the tests read, made by PyAV's own encoders.

Every frame carries its number as a bar code in its top rows (``number`` reads it back), over a
moving, noisy picture, so that a wrong frame cannot be missed. ``ZOO`` names the healthy
encodings, each a function of the path to write.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from harness.types import Pixels

WIDTH, HEIGHT, FRAMES = 128, 96, 40
_BITS = 8
_STRIP = 6  # one part in this many of the height is bar code


def picture(number: int, width: int = WIDTH, height: int = HEIGHT) -> Pixels:
    """Frame ``number``: its bar code over a pattern that moves with it, uint8 [H, W, 3]."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin((x * a + y * b) / 9 + number / 3) for a, b in ((1, 0), (0, 1), (1, 1))]
    noise = np.random.default_rng(number).normal(0, 6, (height, width, 1))
    pixels = np.clip(128 + 80 * np.stack(waves, -1) + noise, 0, 255).astype(np.uint8)
    bits = [(number >> bit) & 1 for bit in range(_BITS)]
    bar = np.repeat(np.array(bits, np.uint8) * 255, -(-width // _BITS))[:width]
    pixels[: height // _STRIP] = bar[None, :, None]
    return pixels


def number(pixels: Pixels) -> int:
    """The number that a frame carries, from its bar code."""
    height, width = pixels.shape[:2]
    row = pixels[: max(1, height // _STRIP // 2)].mean(axis=(0, 2))
    centres = [int((bit + 0.5) * width / _BITS) for bit in range(_BITS)]
    return sum((row[c] > 127).astype(int) << bit for bit, c in enumerate(centres))


@dataclass(frozen=True)
class Encoding:
    """How one video is written; ``times`` are the frames' times in units of 1/``fps`` s."""

    codec: str = "libx264"
    options: dict[str, str] = field(default_factory=dict)
    pix_fmt: str = "yuv420p"
    numbers: Sequence[int] = range(FRAMES)
    times: Sequence[int] | None = None
    fps: int = 25
    width: int = WIDTH
    height: int = HEIGHT
    format: str | None = None
    muxer: dict[str, str] = field(default_factory=dict)
    shift: int = 0  # added to every packet's times, in units of 1/fps s
    rotation: int = 0
    mirrored: bool = False
    full_range: bool = False
    matrix: int = 0
    cover: bool = False
    sound: bool = False


def encode(path: Path, e: Encoding) -> None:
    """Writes one video."""
    with av.open(str(path), "w", format=e.format, container_options=e.muxer) as container:
        cover = add_cover(container) if e.cover else None
        options = {**_QUIET.get(e.codec, {}), **e.options}
        stream = container.add_stream(e.codec, rate=e.fps, options=options)
        stream.width, stream.height, stream.pix_fmt = e.width, e.height, e.pix_fmt
        stream.codec_context.time_base = Fraction(1, e.fps)
        stream.codec_context.thread_count = 1
        if e.full_range:
            stream.codec_context.color_range = 2
        if e.matrix:
            stream.codec_context.colorspace = e.matrix
        if e.rotation or e.mirrored:
            stream.set_display_rotation(e.rotation, hflip=e.mirrored)
        sound = container.add_stream("aac", rate=16000, layout="mono") if e.sound else None
        if cover is not None:
            for packet in cover.encode(frame(0, e)):
                container.mux(packet)
        for one in [*_frames(e), None]:
            for packet in stream.encode(one):
                if e.shift:
                    by = round(Fraction(e.shift, e.fps) / packet.time_base)
                    packet.pts, packet.dts = packet.pts + by, packet.dts + by
                container.mux(packet)
        if sound is not None:
            container.mux(list(silence(sound, len(e.numbers) / e.fps)))


_QUIET = {
    "libx265": {"x265-params": "log-level=none"},
    "libsvtav1": {"preset": "12", "svtav1-params": "lp=1"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8"},
    "libx264": {"preset": "veryfast"},
}


def frame(number: int, e: Encoding) -> VideoFrame:
    """Frame ``number`` in the encoding's pixel format."""
    rgb = VideoFrame.from_ndarray(picture(number, e.width, e.height), format="rgb24")
    return rgb.reformat(
        format=e.pix_fmt, dst_color_range=2 if e.full_range else 1, dst_colorspace=e.matrix or None
    )


def _frames(e: Encoding) -> Iterable[VideoFrame]:
    for place, number in enumerate(e.numbers):
        one = frame(number, e)
        one.pts = place if e.times is None else e.times[place]
        one.time_base = Fraction(1, e.fps)
        yield one


def add_cover(container: OutputContainer) -> VideoStream:
    """An album cover, which looks like a video of one frame."""
    cover = container.add_stream("png", rate=1)
    cover.width, cover.height, cover.pix_fmt = WIDTH, HEIGHT, "rgb24"
    cover.disposition = Disposition.attached_pic
    return cover


def silence(sound: AudioStream, seconds: float) -> Iterator[Packet[AudioStream]]:
    """So much sound, encoded."""
    for start in range(0, int(seconds * 16000), 1024):
        quiet = AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        quiet.sample_rate, quiet.pts, quiet.time_base = 16000, start, Fraction(1, 16000)
        yield from sound.encode(quiet)
    yield from sound.encode(None)


def concatenate(path: Path, parts: Sequence[Encoding]) -> None:
    """Transport streams one behind the other: a size or codec setting that changes midway."""
    with path.open("wb") as out:
        for part in parts:
            piece = path.with_suffix(".part.ts")
            encode(piece, part)
            out.write(piece.read_bytes())
            piece.unlink()


def patched(path: Path, boxes: Mapping[bytes, tuple[int, int]]) -> None:
    """Overwrites 32-bit numbers: for each name, the one that lies ``offset`` bytes behind it."""
    data = bytearray(path.read_bytes())
    order = "<" if data[:4] == b"RIFF" else ">"
    for name, (offset, value) in boxes.items():
        at = data.find(name)
        assert at >= 0, name
        struct.pack_into(f"{order}I", data, at + offset, value)
    path.write_bytes(data)


def cut(path: Path, share: float) -> None:
    """Leaves the first ``share`` of the file, as a broken download does."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


def scramble(path: Path, start: float, stop: float) -> None:
    """Overwrites the bytes between two shares of the file with noise."""
    data = bytearray(path.read_bytes())
    a, b = int(len(data) * start), int(len(data) * stop)
    data[a:b] = np.random.default_rng(7).bytes(b - a)
    path.write_bytes(data)


def gop(length: int, b_frames: int = 0, *, closed: bool = True) -> dict[str, str]:
    """x264's options for a keyframe every ``length`` frames."""
    keys = f"keyint={length}:min-keyint={length}:scenecut=0:bframes={b_frames}:b-adapt=0"
    return {"x264-params": f"{keys}:open-gop={int(not closed)}"}


def _hevc(**settings: object) -> dict[str, str]:
    words = [f"{name.replace('_', '-')}={value}" for name, value in settings.items()]
    return {"x265-params": ":".join(["log-level=none", "pools=none", *words])}


_CLOSED, _OPEN = gop(10, 3), gop(10, 3, closed=False)
_OPEN_HEVC = _hevc(keyint=10, min_keyint=10, open_gop=1, bframes=4, scenecut=0)
_VFR = list(accumulate(1 + i * 7 % 5 for i in range(FRAMES)))
_EDITED = {"use_editlist": "1", "avoid_negative_ts": "disabled"}

ZOO: Mapping[str, Encoding] = {
    "h264_closed.mp4": Encoding(options=_CLOSED, sound=True),
    "h264_open.mp4": Encoding(options=_OPEN),
    "h264_open.mkv": Encoding(options=_OPEN, sound=True),
    "h264_default.mp4": Encoding(),
    "h264_faststart.mp4": Encoding(options=_OPEN, muxer={"movflags": "faststart"}),
    "h264_fragmented.mp4": Encoding(
        options=_CLOSED, muxer={"movflags": "frag_keyframe+empty_moov"}
    ),
    "h264_intra_refresh.mp4": Encoding(
        options={"x264-params": "keyint=12:intra-refresh=1:bframes=0"}
    ),
    "h264_all_intra.mp4": Encoding(options=gop(1)),
    "h264_interlaced.mp4": Encoding(options={"x264-params": "tff=1:keyint=10"}),
    "h264_interlaced.ts": Encoding(options={"x264-params": "tff=1:keyint=10"}),
    "h264_closed.ts": Encoding(options=_CLOSED, sound=True),
    "h264_open.ts": Encoding(options=_OPEN),
    "h264.flv": Encoding(options=_CLOSED),
    "h264.avi": Encoding(options=gop(10)),
    "h264_b_frames.avi": Encoding(options=_CLOSED),
    "h264_annexb.h264": Encoding(options=_CLOSED, format="h264"),
    "h264_10bit.mp4": Encoding(options=_CLOSED, pix_fmt="yuv420p10le"),
    "h264_444.mp4": Encoding(options=_CLOSED, pix_fmt="yuv444p"),
    "h264_rgb.mp4": Encoding("libx264rgb", pix_fmt="rgb24"),
    "h264_gray.mp4": Encoding(pix_fmt="gray"),
    "h264_full_range.mp4": Encoding(options=_CLOSED, full_range=True),
    "h264_bt709.mp4": Encoding(options=_CLOSED, matrix=1),
    "h264_odd_size.mp4": Encoding(options=_CLOSED, pix_fmt="yuv444p", width=127, height=95),
    "h264_one_frame.mp4": Encoding(numbers=[7]),
    "h264_two_frames.mkv": Encoding(numbers=[7, 9]),
    "hevc_open.mp4": Encoding("libx265", _OPEN_HEVC),
    "hevc_closed.mkv": Encoding("libx265", _hevc(keyint=10, open_gop=0, bframes=2)),
    "hevc_10bit.mp4": Encoding("libx265", _OPEN_HEVC, "yuv420p10le"),
    "hevc_layers.mp4": Encoding("libx265", _hevc(keyint=16, temporal_layers=3, bframes=7)),
    "hevc_open.ts": Encoding("libx265", _OPEN_HEVC),
    "vp8.webm": Encoding("libvpx", {"g": "10"}),
    "vp9.webm": Encoding("libvpx-vp9", {"g": "10"}),
    "vp9_alt_ref.webm": Encoding(
        "libvpx-vp9", {"g": "20", "deadline": "good", "auto-alt-ref": "1", "lag-in-frames": "16"}
    ),
    "vp9_odd_size.webm": Encoding("libvpx-vp9", {"g": "10"}, width=127, height=95),
    "av1.mp4": Encoding("libsvtav1", {"g": "16"}),
    "av1.mkv": Encoding("libsvtav1", {"g": "16"}),
    "mpeg4.avi": Encoding("mpeg4", {"g": "10"}),
    "mpeg4_b_frames.avi": Encoding("mpeg4", {"g": "10", "bf": "2"}),
    "mpeg4.mp4": Encoding("mpeg4", {"g": "10", "bf": "2"}),
    "mpeg2.ts": Encoding("mpeg2video", {"g": "10", "bf": "2"}),
    "mpeg2.mpg": Encoding("mpeg2video", {"g": "10", "bf": "2"}, format="mpeg"),
    "mjpeg.avi": Encoding("mjpeg", pix_fmt="yuvj420p", full_range=True),
    "ffv1.mkv": Encoding("ffv1", pix_fmt="yuv422p"),
    "wmv2.asf": Encoding("wmv2", {"g": "10"}),
    "qtrle_alpha.mov": Encoding("qtrle", pix_fmt="argb"),
    "vfr.mp4": Encoding(options=_OPEN, times=_VFR, fps=90),
    "vfr.mkv": Encoding(options=_CLOSED, times=_VFR, fps=90),
    "late_start.mp4": Encoding(options=_CLOSED, shift=50),
    "late_start.mkv": Encoding(options=_CLOSED, shift=50),
    "edit_list.mp4": Encoding(options=_CLOSED, shift=-13, muxer=_EDITED),
    "edit_list_open.mp4": Encoding(options=_OPEN, shift=-13, muxer=_EDITED),
    "rotated_90.mp4": Encoding(options=_CLOSED, rotation=90),
    "rotated_180.mp4": Encoding(options=_CLOSED, rotation=180),
    "rotated_270.mov": Encoding(options=_CLOSED, rotation=-90),
    "cover.mp4": Encoding(options=_CLOSED, cover=True),
}


def _wrong_counts(path: Path) -> None:
    """An AVI whose header claims ten times the frames, in both places."""
    encode(path, Encoding("mpeg4", {"g": "10"}))
    patched(path, {b"avih": (4 + 20, 400), b"strh": (4 + 36, 400)})


def _wrong_duration(path: Path) -> None:
    """An MP4 that claims to last an hour."""
    encode(path, Encoding(options=_CLOSED))
    patched(path, {b"mvhd": (4 + 16, 3_600_000), b"mdhd": (4 + 16, 3_600 * 12_800)})


def _size_change(path: Path) -> None:
    """A transport stream whose pictures become larger midway."""
    half = FRAMES // 2
    small = Encoding(options=_CLOSED, numbers=range(half))
    large = Encoding(
        options=_CLOSED, numbers=range(half, FRAMES), width=192, height=160, shift=half
    )
    concatenate(path, [small, large])


def _starts_midway(path: Path) -> None:
    """A recording that was switched on between two keyframes."""
    encode(path, Encoding(options=_OPEN))
    data = path.read_bytes()
    packets = [data[i : i + 188] for i in range(0, len(data), 188)]
    path.write_bytes(b"".join(packets[:3] + packets[len(packets) // 3 :]))


def _clock_jumps_back(path: Path) -> None:
    """Two recordings in one file: every time occurs twice."""
    half = FRAMES // 2
    concatenate(path, [Encoding(numbers=range(i, i + half)) for i in (0, half)])


MADE: Mapping[str, Callable[[Path], None]] = {
    "wrong_counts.avi": _wrong_counts,
    "wrong_duration.mp4": _wrong_duration,
    "size_change.ts": _size_change,
    "starts_midway.ts": _starts_midway,
    "clock_jumps_back.ts": _clock_jumps_back,
}


def make(name: str, folder: Path) -> Path:
    """The healthy video of this name, written into the folder."""
    path = folder / name
    if name in ZOO:
        encode(path, ZOO[name])
    else:
        MADE[name](path)
    return path
