"""What frames a file holds, in the order they are shown, found by reading packets, not headers.

Demuxing costs microseconds a packet where decoding costs milliseconds, and the packets tell what a
full decode would yield: their presentation times, which of them are keyframes, which only
prime the decoder and are thrown away (edit lists), which are damaged. Where the packets cannot be
taken at their word (no or repeated times; a start that the decoder drops; field pairs), the
start is decoded to check, and if need be everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from harness.errors import VideoError
from harness.types import VideoInfo
from harness.video.convert import displayed
from harness.video.source import share_present

# Containers whose demuxer states each frame's own time and keyframes from the file's index.
_STATED = ("mov,mp4", "matroska")
# Codecs whose keyframes reset the decoder, so that decoding may start there.
SEEKABLE = frozenset(
    (
        *("h264", "hevc", "vp8", "vp9", "libvpx", "libvpx-vp9", "av1", "libdav1d"),
        *("mpeg4", "mpeg2video", "mpeg1video", "mjpeg"),
    )
)
_CHECKED = 48  # packets decoded at the start when the container is not taken at its word


@dataclass(frozen=True, eq=False)
class Index:
    """The frames of one video.

    ``pts`` int64 [count]: presentation times in units of ``time_base``, ascending;
    ``order`` int64 [count]: each frame's packet, counted in the file's order;
    ``keys`` int64 [k]: the packets at which decoding may start, with ``key_pts`` and ``key_dts``;
    ``seekable``: frames may be found by seeking and told by their time (else: by counting from
    the start); ``damage``: what is wrong with the file, empty if nothing is known to be.
    """

    info: VideoInfo
    time_base: Fraction
    pts: NDArray[np.int64]
    order: NDArray[np.int64]
    keys: NDArray[np.int64]
    key_pts: NDArray[np.int64]
    key_dts: NDArray[np.int64]
    seekable: bool
    times: NDArray[np.float64]
    damage: str = ""


@dataclass(frozen=True, eq=False)
class _Packets:
    """Every packet of the stream in the file's order; ``cut`` is the demuxer's own complaint."""

    pts: NDArray[np.int64]
    dts: NDArray[np.int64]
    keys: NDArray[np.bool_]
    shown: NDArray[np.bool_]
    timed: bool
    last: int
    corrupt: int
    cut: str


def build(path: Path, container: InputContainer, stream: VideoStream) -> Index:
    """Indexes an open file; the container is left wherever reading ended.

    Raises VideoError when no frame can be decoded at all.
    """
    packets = _demuxed(container, stream)
    first = _first_frame(path, container, stream)
    ascending = np.sort(packets.pts[packets.shown])
    trusted = (
        packets.timed
        and len(ascending) > 0
        and stream.codec_context.name in SEEKABLE
        and bool((np.diff(ascending) > 0).all())
        and bool(packets.keys[0])
    )
    if trusted and _must_check(container, packets, first):
        packets = _checked(container, stream, packets)
        trusted = packets.timed
    if not trusted:
        return _by_decoding(path, container, stream, first)
    return _by_packets(path, stream, packets, first)


def _demuxed(container: InputContainer, stream: VideoStream) -> _Packets:
    rows = []
    last, corrupt, cut = 0, 0, ""
    timed = True
    try:
        for packet in container.demux(stream):
            if packet.size == 0:  # the end, or AVI's "show the last frame again"
                continue
            if packet.pts is None:
                timed = False
            rows.append((packet.pts or 0, packet.dts or 0, packet.is_keyframe, packet.is_discard))
            corrupt += packet.is_corrupt
            last = packet.duration or last
    except av.error.FFmpegError as error:
        cut = error.strerror or str(error)
    table = np.array(rows, np.int64).reshape(-1, 4)
    pts, dts, keys, discard = table.T
    return _Packets(pts, dts, keys > 0, discard == 0, timed, last, corrupt, cut)


def rewind(container: InputContainer, stream: VideoStream) -> None:
    """Back to the very first packet, pre-roll included."""
    container.seek(-(1 << 62), stream=stream)


def _first_frame(path: Path, container: InputContainer, stream: VideoStream) -> VideoFrame:
    """The first frame that decodes, told apart from none at all."""
    words = "no packet in it"
    try:
        rewind(container, stream)
        for frames in decoding(stream, container.demux(stream)):
            if isinstance(frames, str):
                words = frames
            elif frames:
                return frames[0]
    except av.error.FFmpegError as error:
        words = error.strerror or str(error)
    finally:
        stream.codec_context.flush_buffers()
    raise VideoError(f"{path}: none of its frames can be decoded ({words}): download it again")


def decoding(
    stream: VideoStream, packets: Iterable[Packet[VideoStream]]
) -> Iterator[list[VideoFrame] | str]:
    """What each packet yields: frames, or the decoder's complaint. Drains it at the end."""
    for packet in packets:
        if packet.size == 0:
            continue
        try:
            yield stream.codec_context.decode(packet)
        except av.error.FFmpegError as error:
            yield error.strerror or str(error)
    try:
        yield stream.codec_context.decode(None)
    except av.error.FFmpegError as error:
        yield error.strerror or str(error)


def _must_check(container: InputContainer, packets: _Packets, first: VideoFrame) -> bool:
    """Whether the start may hold packets that yield no frame of their own."""
    leading = packets.pts[packets.shown].min() < packets.pts[0] and packets.shown[0]
    stated = container.format.name.startswith(_STATED)
    return bool(leading) or not stated or first.interlaced_frame


def _checked(container: InputContainer, stream: VideoStream, packets: _Packets) -> _Packets:
    """The packets without those at the start that the decoder drops; ``timed`` False if it
    yields anything else than they say."""
    key = packets.keys.nonzero()[0]
    n = int(key[1]) if len(key) > 1 else len(packets.pts)
    n = min(len(packets.pts), max(n, _CHECKED))
    rewind(container, stream)
    source = (p for p in container.demux(stream) if p.size)
    got = []
    for frames in decoding(stream, islice(source, n)):
        if not isinstance(frames, str):
            got += [frame.pts for frame in frames]
    stream.codec_context.flush_buffers()
    shown = packets.shown.copy()
    leading = np.arange(len(shown)) < n
    leading &= packets.pts < packets.pts[0]
    shown[:n] &= ~leading[:n] | np.isin(packets.pts[:n], [p for p in got if p is not None])
    agree = got == sorted(packets.pts[:n][shown[:n]].tolist())
    return replace(packets, shown=shown, timed=agree)


def _by_packets(path: Path, stream: VideoStream, packets: _Packets, first: VideoFrame) -> Index:
    place = np.flatnonzero(packets.shown)
    place = place[np.argsort(packets.pts[place], kind="stable")]
    pts = packets.pts[place]
    keys = np.flatnonzero(packets.keys)
    assert stream.time_base is not None
    step = packets.last or (int(np.median(np.diff(pts))) if len(pts) > 1 else 0)
    times = (pts - pts[0]) * float(stream.time_base)
    duration = times[-1] + step * float(stream.time_base)
    return Index(
        _info(len(pts), duration, stream, first),
        stream.time_base,
        pts,
        place,
        keys,
        packets.pts[keys],
        packets.dts[keys],
        True,
        times,
        _damage(path, stream, packets),
    )


def _by_decoding(
    path: Path, container: InputContainer, stream: VideoStream, first: VideoFrame
) -> Index:
    """The index of a file whose packets cannot be trusted: everything is decoded once."""
    stamps: list[int | None] = []
    cut = ""
    rewind(container, stream)
    try:
        for frames in decoding(stream, container.demux(stream)):
            if not isinstance(frames, str):
                stamps += [frame.pts for frame in frames]
    except av.error.FFmpegError as error:
        cut = error.strerror or str(error)
    stream.codec_context.flush_buffers()
    times = _times(stamps, stream)
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1 / _rate(stream)
    none = np.empty(0, np.int64)
    gone = _cut(path) or (cut and f"reading stops early ({cut})")
    info = _info(len(times), times[-1] + step, stream, first)
    return Index(info, Fraction(1), none, none, none, none, none, False, times, gone)


def _times(stamps: list[int | None], stream: VideoStream) -> NDArray[np.float64]:
    """Seconds from the first frame: the stated times where they ascend, else by the frame rate."""
    known = [s for s in stamps if s is not None]
    if len(known) == len(stamps) and all(a < b for a, b in pairwise(known)):
        assert stream.time_base is not None
        return (np.array(known) - known[0]) * float(stream.time_base)
    return np.arange(len(stamps)) / _rate(stream)


def _rate(stream: VideoStream) -> float:
    return float(stream.average_rate or stream.guessed_rate or 25)


def _info(count: int, duration: float, stream: VideoStream, first: VideoFrame) -> VideoInfo:
    if duration <= 0:  # one frame without a duration
        duration = count / _rate(stream)
    duration = float(duration)
    return VideoInfo(count, count / duration, duration, *displayed(first))


def _damage(path: Path, stream: VideoStream, packets: _Packets) -> str:
    """What the packets show to be wrong with the file; empty if nothing."""
    claimed, there = len(stream.index_entries), len(packets.pts)
    complete = not packets.corrupt and not packets.cut
    if complete and 0 < claimed <= there and stream.container.format.name.startswith("mov"):
        return ""  # every sample of the index was read, whatever is cut after them
    if cut := _cut(path):
        return cut
    if packets.cut:
        return f"reading stops early after {there} packets ({packets.cut})"
    return f"{packets.corrupt} of {there} packets are damaged" if packets.corrupt else ""


def _cut(path: Path) -> str:
    share = share_present(path)
    return f"the file is cut at {share:.0%} of its length" if share < 1 else ""
