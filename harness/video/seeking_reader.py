"""The fast path: from keyframe to keyframe, decoding only what lies on the way to a target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import av
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from harness.video.decoder_setup import with_sets
from harness.video.index import Index
from harness.video.video_file import VideoFile

_NEAR = 64  # packets: reading on over so few is cheaper than a seek


class OffTrackError(Exception):
    """The fast path met something unexpected; the certain path must be taken."""


class SeekingReader:
    """Moves through a file from keyframe to keyframe, decoding what is needed in between."""

    def __init__(self, file: VideoFile, index: Index) -> None:
        self._file, self._index = file, index
        self._idle: Literal["NONREF", "DEFAULT"] = "NONREF" if _may_skip(file) else "DEFAULT"
        self._packets: Iterator[Packet[VideoStream]] = iter(())
        self._next = -1  # the packet that comes next, counted in the file's order; -1: unknown

    def frames(self, key: int, group: Sequence[int]) -> Iterator[VideoFrame]:
        """Frames from the keyframe number ``key`` to the last of the group, and perhaps others.

        Raises OffTrackError at the first sign of damage.
        """
        if list(group) == [0] and (first := self._first()):
            yield first
            return
        context = self._file.codec
        place = int(self._index.keys[key])
        sets = self._index.setup.before(place)
        packet: Packet[VideoStream] | None = with_sets(self._at_key(key), sets)
        wanted = {int(self._index.order[i]) for i in group}
        last = max(wanted)
        try:
            while packet is not None:
                context.skip_frame = "DEFAULT" if place in wanted else self._idle
                yield from _sound(context.decode(packet))
                if place == last:
                    break
                packet = next(self._packets, None)
                place += 1
            yield from _sound(context.decode(None))
        except av.error.FFmpegError as error:
            raise OffTrackError from error
        finally:
            context.flush_buffers()
            context.skip_frame = "DEFAULT"
            self._next = place + 1

    def _first(self) -> VideoFrame | None:
        """The video's first frame, if it is at hand and sound."""
        first = self._file.first
        fits = first is not None and first.pts == self._index.pts[0] and not first.is_corrupt
        return first if fits else None

    def _at_key(self, key: int) -> Packet[VideoStream]:
        """The keyframe's packet, reached by reading on or by seeking."""
        place = int(self._index.keys[key])
        near = 0 <= self._next <= place < self._next + _NEAR
        if near and (packet := self._found(key)):
            return packet
        for offset in self._offsets(key):
            try:
                self._file.container.seek(offset, stream=self._file.stream)
            except av.error.FFmpegError:  # this format cannot; another offset may do
                continue
            self._packets = self._file.packets()
            if packet := self._found(key):
                return packet
        raise OffTrackError

    def _offsets(self, key: int) -> Iterator[int]:
        """Where to seek for a keyframe: its time, then earlier keyframes', then the start."""
        yield int(self._index.key_pts[key])
        yield int(self._index.key_dts[key])
        for back in (1, 2):
            if key >= back:
                yield int(self._index.key_dts[key - back])
        yield -(1 << 62)

    def _found(self, key: int) -> Packet[VideoStream] | None:
        """Reads on to the keyframe; None when what comes lies after it."""
        pts, dts = int(self._index.key_pts[key]), int(self._index.key_dts[key])
        try:
            for packet in self._packets:
                if packet.pts == pts and packet.is_keyframe:
                    return packet
                if packet.dts is not None and packet.dts > dts:
                    return None
        except av.error.FFmpegError:
            return None
        return None


def _sound(frames: list[VideoFrame]) -> list[VideoFrame]:
    if any(frame.is_corrupt for frame in frames):
        raise OffTrackError
    return frames


def _may_skip(file: VideoFile) -> bool:
    """Whether the decoder can be told, packet by packet, to skip what nothing refers to.

    In HEVC that goes by a mark that speaks only for a frame's own temporal layer, so it must be
    the only one (ISO/IEC 14496-15, hvcC: numTemporalLayers).
    """
    if file.codec.name == "hevc":
        config = file.codec.extradata or b""
        return len(config) > 22 and config[0] == 1 and (config[21] >> 3) & 7 == 1
    return file.codec.name in ("h264", "vp8", "mpeg4", "mpeg2video", "mpeg1video")
