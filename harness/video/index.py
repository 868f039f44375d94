"""What frames a file holds, in the order they are shown, found by reading packets, not headers.

Demuxing costs microseconds a packet where decoding costs milliseconds, and the packets tell what a
full decode would yield: their presentation times, which of them are keyframes, which only
prime the decoder and are thrown away (edit lists), which are damaged. Where the packets cannot be
taken at their word (no or repeated times; a start that the decoder drops; field pairs), the
start is decoded to check, and if need be everything.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from harness.types import VideoInfo
from harness.video.convert import displayed
from harness.video.decoder_setup import NO_SETUP, Setup, SetupLog
from harness.video.first_packets import INTRA, Opening, checked, must_check
from harness.video.full_decode import traced
from harness.video.packets import Packets, demuxed
from harness.video.video_file import VideoFile, has_strict

# Codecs whose keyframes reset the decoder, so that decoding may start there.
_SEEKABLE = INTRA | frozenset(
    (
        *("h264", "hevc", "vp8", "vp9", "libvpx", "libvpx-vp9", "av1", "libdav1d"),
        *("mpeg4", "mpeg2video", "mpeg1video"),
    )
)
_KEPT = 1 << 30  # bytes: frames kept beyond these are decoded again


@dataclass(frozen=True, eq=False)
class Index:
    """The frames of one video, in the order they are shown.

    ``times`` float64 [count]: seconds from the first frame; ``pts`` int64 [count]: the same in
    the file's own units; ``order`` int64 [count]: each frame's packet, counted in the file's order;
    ``keys`` int64 [k]: the packets at which decoding may start, with ``key_pts``, ``key_dts`` and
    ``key_rank`` (the frame shown at or next after each).

    ``packets``: how many there are; ``placed``: frames are told by their packets (else by counting
    them), and ``seekable``: they may also be found by seeking and told by their ``pts``; ``setup``:
    what the decoder must be told before a keyframe; ``kept``: frames that indexing has decoded, by
    index, so that they need not be decoded again; ``flaws``: where packets are damaged (n) or
    missing (n - 0.5: before packet n); ``damage``: what is wrong in words, empty if nothing is;
    ``strict``: a decoder that notices more damage gives the same frames.
    """

    info: VideoInfo
    times: NDArray[np.float64]
    pts: NDArray[np.int64]
    order: NDArray[np.int64]
    keys: NDArray[np.int64]
    key_pts: NDArray[np.int64]
    key_dts: NDArray[np.int64]
    key_rank: NDArray[np.int64]
    packets: int
    placed: bool
    seekable: bool
    setup: Setup = NO_SETUP
    kept: Mapping[int, VideoFrame] = field(default_factory=dict)
    flaws: tuple[float, ...] = ()
    damage: str = ""
    strict: bool = False

    def key(self, frame: int) -> int:
        """The keyframe (its number in ``keys``) from which decoding gives this frame.

        That is the last one stored at or before the frame that is also shown at or before it: what
        is stored after a keyframe but shown before it may refer to what came earlier (open GOP).
        """
        key = int(np.searchsorted(self.keys, self.order[frame], side="right")) - 1
        while key > 0 and self.key_rank[key] > frame:
            key -= 1
        return max(key, 0)

    def sound(self, frame: int, flaws: Sequence[float]) -> bool:
        """Whether no flaw touches the stretch from the frame's keyframe to the next.

        All of the stretch, because the decoder does not notice every packet of a damaged run;
        except that a file's last packet, where a download broke off, harms no frame before it.
        """
        end = int(self.order[frame])
        start = int(self.keys[self.key(frame)]) if len(self.keys) else 0
        start = start if start <= end else 0  # before any keyframe: from the very start
        after = self.keys[self.keys > end]
        stop = int(after[0]) if len(after) else self.packets - 1
        return not any(start <= flaw < max(stop, end + 0.1) for flaw in flaws)


Choose = Callable[[VideoInfo], Collection[int]]


def build(file: VideoFile, choose: Choose | None = None) -> Index:
    """Indexes an open file, which is left wherever reading ended.

    ``choose`` names the frames that will be read, of a video with this ``info``: where indexing has
    to decode everything, they are kept in the index (``kept``) instead of being decoded twice.
    Raises VideoError when no frame can be decoded at all, or when the file is encrypted.
    """
    setup, opening = SetupLog(file), Opening(file)

    def see(place: int, packet: Packet[VideoStream]) -> None:
        setup.see(place, packet)
        opening.see(packet)

    packets = demuxed(file, see)
    if file.codec.name == "mpeg4" and packets.keys.any() and not packets.keys[0]:
        # its decoder makes pictures of what comes before the first keyframe, without a complaint
        packets = replace(packets, flaws=(0.0, *packets.flaws))
    first = file.first = opening.frame(len(packets.pts))
    ascending = np.sort(packets.pts[packets.shown])
    trusted = (
        packets.timed
        and len(ascending) > 0
        and file.codec.name in _SEEKABLE
        and bool((np.diff(ascending) > 0).all())
        and bool(packets.keys[0])
    )
    if trusted and must_check(file, packets, first):
        packets = checked(file, packets)
        trusted = packets.timed
    if trusted:
        return _by_packets(file, packets, first, setup.result())
    return _by_decoding(file, packets, first, choose)


def _by_packets(file: VideoFile, packets: Packets, first: VideoFrame, setup: Setup) -> Index:
    order = np.flatnonzero(packets.shown)
    order = order[np.argsort(packets.pts[order], kind="stable")]
    pts = packets.pts[order]
    step = packets.last or (int(np.median(np.diff(pts))) if len(pts) > 1 else 0)
    unit = float(file.stream.time_base or 0)
    times = (pts - pts[0]) * unit
    keys = np.flatnonzero(packets.keys)
    return Index(
        described(file, first, len(pts), times[-1] + step * unit),
        times,
        pts,
        order,
        keys,
        packets.pts[keys],
        packets.dts[keys],
        np.searchsorted(pts, packets.pts[keys]),
        len(packets.pts),
        placed=True,
        seekable=setup.certain,
        setup=setup,
        flaws=packets.flaws,
        damage=packets.damage,
        strict=has_strict(file, first),
    )


def _by_decoding(
    file: VideoFile, packets: Packets, first: VideoFrame, choose: Choose | None
) -> Index:
    """The index of a file whose packets cannot be trusted: everything is decoded once."""
    flaws = list(packets.flaws)
    stamps: list[int | None] = []
    order: list[int] = []
    kept = _Kept(choose(_claimed(file, packets, first)) if choose else ())
    for frame, place in traced(file, flaws):
        kept.see(len(stamps), frame)
        stamps.append(frame.pts)
        order.append(place)
    times = _times(file, stamps)
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1 / _rate(file)
    keys = np.flatnonzero(packets.keys)
    ranks = {place: rank for rank, place in enumerate(order)}
    return Index(
        described(file, first, len(times), times[-1] + step),
        times,
        np.zeros(len(stamps), np.int64),
        np.array(order, np.int64),
        keys,
        packets.pts[keys],
        packets.dts[keys],
        np.array([ranks.get(int(key), 0) for key in keys], np.int64),
        len(packets.pts),
        placed=False,
        seekable=False,
        kept=kept.frames,
        flaws=tuple(flaws),
        damage=packets.damage,
    )


class _Kept:
    """The frames that will be read, kept while everything is decoded, up to a limit in bytes."""

    def __init__(self, wanted: Collection[int]) -> None:
        self._wanted = frozenset(wanted)
        self._bytes = 0
        self.frames: dict[int, VideoFrame] = {}

    def see(self, number: int, frame: VideoFrame) -> None:
        """Keeps the frame, if it is wanted, sound and not too much."""
        if number not in self._wanted or frame.is_corrupt:
            return
        self._bytes += sum(plane.buffer_size for plane in frame.planes)
        if self._bytes <= _KEPT:
            self.frames[number] = frame


def _claimed(file: VideoFile, packets: Packets, first: VideoFrame) -> VideoInfo:
    """What the video should hold, going by its packets."""
    pts = np.sort(packets.pts[packets.shown])
    unit = float(file.stream.time_base or 0)
    ascending = packets.timed and len(pts) > 1 and bool((np.diff(pts) > 0).all())
    seconds = (pts[-1] - pts[0]) * unit + np.median(np.diff(pts)) * unit if ascending else 0.0
    return described(file, first, max(len(pts), 1), float(seconds))


def _times(file: VideoFile, stamps: list[int | None]) -> NDArray[np.float64]:
    """Seconds from the first frame: the stated times where they ascend, else by the frame rate."""
    known = [stamp for stamp in stamps if stamp is not None]
    if len(known) == len(stamps) and all(a < b for a, b in pairwise(known)):
        return (np.array(known) - known[0]) * float(file.stream.time_base or 0)
    return np.arange(len(stamps)) / _rate(file)


def _rate(file: VideoFile) -> float:
    return float(file.stream.average_rate or file.stream.guessed_rate or 25)


def described(file: VideoFile, first: VideoFrame, count: int, duration: float) -> VideoInfo:
    """What a video of so many frames and seconds holds."""
    if duration <= 0:  # one frame without a duration
        duration = count / _rate(file)
    duration = float(duration)
    return VideoInfo(count, count / duration, duration, *displayed(first))
