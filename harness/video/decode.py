"""Reading the frames that were asked for, exactly those that decoding everything would give.

The targets are grouped by the keyframe that they need. Each group costs one seek and the decoding
of what lies between its keyframe and its last target, without the frames that no other frame refers
to (``skip_frame=NONREF``) unless they are targets themselves. Anything unexpected on the way
(a seek that lands late, a target that does not come, a decoder's complaint) sends the group to
the slow and certain path: decoding from the start and judging each stretch between keyframes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from harness.errors import VideoError
from harness.types import Frames, Pixels, VideoInfo
from harness.video.convert import Converter, shrunk
from harness.video.index import Index, build, decoding, rewind
from harness.video.source import opened

Damaged = Literal["fail", "partial"]
Allocate = Callable[[tuple[int, int, int, int]], Pixels]

_NO_TIME = -(1 << 63)  # FFmpeg's own mark
_NEAR = 64  # packets: reading on over so few is cheaper than a seek


class _AstrayError(Exception):
    """The fast path met something unexpected; the certain path must be taken."""


class Video:
    """An open video: ``info`` and ``read``. Made by ``open_video``."""

    def __init__(self, path: Path, container: InputContainer, stream: VideoStream) -> None:
        self.path = path
        self._container, self._stream = container, stream
        self._index = _remembered(path, container, stream)
        # skipping by NAL type is wrong where temporal layers refer to such frames
        self._skips = stream.codec_context.name != "hevc" or _one_layer(stream)

    @property
    def info(self) -> VideoInfo:
        """What the video holds."""
        return self._index.info

    def read(
        self,
        indices: Sequence[int],
        *,
        size: int | None = None,
        damaged: Damaged = "fail",
        allocate: Allocate | None = None,
    ) -> Frames:
        """The frames at ``indices``, in that order; see ``harness.video.read``."""
        self.usable(damaged)
        if bad := [i for i in indices if not 0 <= i < self.info.count]:
            raise VideoError(f"{self.path}: frame {bad[0]} asked of {self.info.count} frames")
        width, height = shrunk(self.info.width, self.info.height, size)
        shrink = (width, height) != (self.info.width, self.info.height)
        collected = _Collected(Converter(width, height, shrink=shrink), indices, allocate)
        left = set(indices)
        if self._index.seekable:
            left = self._by_seeking(left, collected)
        if left:
            left = self._by_counting(left, collected)
        return self._result(left, collected, damaged)

    def usable(self, damaged: Damaged) -> None:
        """Raises VideoError when the file is known to be damaged, unless that is allowed."""
        if self._index.damage and damaged == "fail":
            raise VideoError(
                f"{self.path}: {self._index.damage}: download it again, or read what is there "
                "with damaged=partial"
            )

    def _by_seeking(self, targets: set[int], collected: _Collected) -> set[int]:
        """The fast path. Returns the targets that are left to the certain one."""
        left: set[int] = set()
        walk = _Walk(self._container, self._stream, self._index, self._skips)
        for key, group in _groups(self._index, targets):
            wanted = {int(self._index.pts[i]): i for i in group}
            try:
                collected.keep(walk.frames(key, group), wanted)
            except _AstrayError:
                collected.forget(group)
                left.update(group)
                walk = _Walk(self._container, self._stream, self._index, self._skips)
        return left

    def _by_counting(self, targets: set[int], collected: _Collected) -> set[int]:
        """The certain path: decodes from the start. Returns the targets that are damaged."""
        rewind(self._container, self._stream)
        self._stream.codec_context.skip_frame = "DEFAULT"
        last = max(targets)
        places = {int(p): i for i, p in enumerate(self._index.pts)} if self._index.seekable else {}
        bad, seen = False, -1
        stretch: list[int] = []
        good: set[int] = set()
        for frame, failed in _judged(self._container, self._stream):
            if frame is None:
                bad = True
                continue
            place = places.get(_pts(frame), -1) if places else seen + 1
            if frame.key_frame:
                good.update(() if bad else stretch)
                if seen >= last:
                    break
                stretch, bad = [], failed
            bad |= failed or frame.is_corrupt or place < 0
            seen = max(seen, place)
            if place in targets:
                collected.put(frame, place)
                stretch.append(place)
        else:
            good.update(() if bad else stretch)
        collected.forget(targets - good)
        return targets - good

    def _result(self, left: set[int], collected: _Collected, damaged: Damaged) -> Frames:
        """What was collected, without the targets in ``left``, which cannot be decoded."""
        damage = self._index.damage
        if left:
            missing = f"{len(left)} of {collected.asked} target frames undecodable"
            if damaged == "fail" or len(left) == collected.asked:
                raise VideoError(
                    f"{self.path}: {missing} (the first is frame {min(left)} of "
                    f"{self.info.count}): the file is damaged: download it again"
                )
            damage = f"{damage}; {missing}" if damage else missing
        return collected.frames(self._index.times, damage)


def _pts(frame: VideoFrame) -> int:
    return _NO_TIME if frame.pts is None else frame.pts


class _Collected:
    """The pixels read so far, one row for each distinct frame, filled in any order."""

    def __init__(
        self, converter: Converter, indices: Sequence[int], allocate: Allocate | None
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
        try:
            self._converter.into(frame, self._pixels[self._rows[index]])
        except av.error.FFmpegError as error:
            raise VideoError(f"frame {index} cannot be converted to RGB ({error})") from error
        self._done.add(index)

    def keep(self, frames: Iterator[VideoFrame], wanted: Mapping[int, int]) -> None:
        """Takes the wanted ones (time → index) of these frames; _AstrayError unless all come."""
        came = 0
        for frame in frames:
            index = wanted.get(_pts(frame))
            if index is not None:
                self.put(frame, index)
                came += 1
        if came != len(wanted):
            raise _AstrayError

    def forget(self, indices: Sequence[int] | set[int]) -> None:
        self._done.difference_update(indices)

    def frames(self, times: np.ndarray, damage: str) -> Frames:
        kept = tuple(i for i in self._indices if i in self._done)
        rows = [self._rows[i] for i in kept]
        whole = rows == list(range(len(self._pixels)))  # the usual case: nothing to copy
        pixels = self._pixels if whole else self._pixels[rows]
        return Frames(pixels, times[list(kept)], kept, damage)


class _Walk:
    """Moves through a file from keyframe to keyframe, decoding what is needed in between."""

    def __init__(
        self, container: InputContainer, stream: VideoStream, index: Index, skips: bool
    ) -> None:
        self._container, self._stream, self._index = container, stream, index
        self._idle: Literal["NONREF", "DEFAULT"] = "NONREF" if skips else "DEFAULT"
        self._packets: Iterator[Packet[VideoStream]] = iter(())
        self._next = -1  # the packet that comes next, counted in the file's order; -1: unknown

    def frames(self, key: int, group: Sequence[int]) -> Iterator[VideoFrame]:
        """Frames from the keyframe number ``key`` to the last of the group, and perhaps others.

        Raises _AstrayError at the first sign of damage.
        """
        packet: Packet[VideoStream] | None = self._at_key(key)
        context = self._stream.codec_context
        place = int(self._index.keys[key])
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
            raise _AstrayError from error
        finally:
            context.flush_buffers()
            context.skip_frame = "DEFAULT"
            self._next = place + 1

    def _at_key(self, key: int) -> Packet[VideoStream]:
        """The keyframe's packet, reached by reading on or by seeking."""
        place = int(self._index.keys[key])
        near = 0 <= self._next <= place < self._next + _NEAR
        if near and (packet := self._found(key)):
            return packet
        for offset in self._offsets(key):
            self._container.seek(offset, stream=self._stream)
            self._packets = (p for p in self._container.demux(self._stream) if p.size)
            if packet := self._found(key):
                return packet
        raise _AstrayError

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
        raise _AstrayError
    return frames


def _judged(
    container: InputContainer, stream: VideoStream
) -> Iterator[tuple[VideoFrame | None, bool]]:
    """Every frame of a full decode, and whether the decoder complained since the one before.

    A complaint that no frame follows is a None.
    """
    failed = False
    try:
        for frames in decoding(stream, container.demux(stream)):
            if isinstance(frames, str):
                failed = True
                yield None, True
                continue
            for frame in frames:
                yield frame, failed
                failed = False
    except av.error.FFmpegError:
        yield None, True
    finally:
        stream.codec_context.flush_buffers()


def _groups(index: Index, targets: set[int]) -> list[tuple[int, list[int]]]:
    """The targets by the keyframe that each needs, in the file's order.

    That is the last keyframe stored at or before the target that is also shown at or before it: the
    frames stored after a keyframe but shown before it may refer to what came earlier (open GOP).
    """
    groups: dict[int, list[int]] = {}
    for target in sorted(targets):
        key = int(np.searchsorted(index.keys, index.order[target], side="right")) - 1
        while key > 0 and index.key_pts[key] > index.pts[target]:
            key -= 1
        groups.setdefault(max(key, 0), []).append(target)
    return sorted(groups.items())


def _one_layer(stream: VideoStream) -> bool:
    """Whether an HEVC stream says that it has a single temporal layer (ISO/IEC 14496-15, hvcC)."""
    config = stream.codec_context.extradata or b""
    return len(config) > 22 and config[0] == 1 and (config[21] >> 3) & 7 == 1


@contextmanager
def open_video(path: Path) -> Iterator[Video]:
    """An open video file. Raises VideoError when it cannot be opened or holds no frame."""
    with opened(path) as (container, stream):
        yield Video(path, container, stream)


_indexed: dict[tuple[str, int, int], Index] = {}


def _remembered(path: Path, container: InputContainer, stream: VideoStream) -> Index:
    """The file's index, kept for the next few calls: probing and reading then share it."""
    status = path.stat()
    name = (str(path), status.st_size, status.st_mtime_ns)
    if name not in _indexed:
        while len(_indexed) >= 8:
            _indexed.pop(next(iter(_indexed)))
        _indexed[name] = build(path, container, stream)
    return _indexed[name]
