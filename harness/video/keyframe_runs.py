"""Finding frames in the packets from keyframes on, as far as a sample table cannot tell them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import chain, pairwise

import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from harness.video.video_file import VideoFile


class UncertainError(Exception):
    """Something is not as the sample table has it: every packet must be read."""


class Runs:
    """Finds frames by the packets from keyframes on, read as far as each frame needs.

    ``key_pts``, ``key_rank`` int64 [k]: as in ``Index`` where they were needed, else a lower bound.
    """

    def __init__(
        self,
        file: VideoFile,
        places: NDArray[np.int64],
        dts: NDArray[np.int64],
        keys: NDArray[np.int64],
    ) -> None:
        self._file, self._places, self._dts, self._keys = file, places, dts, keys
        self.key_pts, self.key_rank = dts[keys], keys.copy()
        self._run: Run | None = None
        self._key = -1
        self._reordered = False
        self._delay = 0  # of the first frame, in units: from being decoded to being shown

    @property
    def duration(self) -> int:
        """Of the packet that was read last, in units."""
        return self._run.duration if self._run else 0

    @property
    def reordered(self) -> bool:
        """Whether, in what was read, a packet is shown before one that is stored before it."""
        return self._reordered or (self._run is not None and self._run.reordered)

    def frame(self, rank: int) -> tuple[int, int]:
        """When the frame with this number is shown, in units, and its packet."""
        key = int(np.searchsorted(self._keys, rank, side="right")) - 1
        while key >= 0:
            run = self.run(key)
            found = run.frame(rank)
            self.key_pts[key], self.key_rank[key] = run.pts, run.rank
            if found:
                return found
            key -= 1  # it is shown before this keyframe
        raise UncertainError

    def run(self, key: int) -> Run:
        """The packets from a keyframe on."""
        if self._run is None or key != self._key:
            self._reordered = self.reordered
            start = int(self._keys[key])
            self._run = Run(self._file, self._places, self._dts, start, self._delay)
            self._key = key
            if not key:
                self._delay = self._run.pts - int(self._dts[0])
        return self._run


class Run:
    """The packets from one keyframe (``first``) on. ``pts``, ``rank``: when that is shown, in units
    and in number (once ``frame`` was called); ``duration``: of the last packet read, in units."""

    def __init__(
        self,
        file: VideoFile,
        places: NDArray[np.int64],
        dts: NDArray[np.int64],
        start: int,
        delay: int,
    ) -> None:
        self._packets = _from(file, int(places[start]), (int(dts[start]) + delay, int(dts[start])))
        self._places, self._dts = places.data, dts.data  # memoryviews: plain ints, one by one
        self._start = self._next = start
        self._shown: list[tuple[int, int]] = []  # (pts, packet), ascending
        self.rank, self.duration = -1, 0
        self.first = self.read()
        self.pts = self.first.pts or 0

    def read(self) -> Packet[VideoStream]:
        """The next packet. Raises UncertainError where it is not the one that is listed."""
        packet, place = next(self._packets, None), self._next
        if packet is None or packet.pts is None or packet.dts is None or packet.is_corrupt:
            raise UncertainError
        if packet.pos != self._places[place] or packet.dts != self._dts[place]:
            raise UncertainError
        if packet.pts < packet.dts:
            raise UncertainError
        self._shown.append((packet.pts, place))
        self._next = place + 1
        self.duration = packet.duration or 0
        return packet

    @property
    def reordered(self) -> bool:
        """Whether a packet is shown before one that is stored before it."""
        return any(a > b for (_, a), (_, b) in pairwise(sorted(self._shown)))

    def frame(self, rank: int) -> tuple[int, int] | None:
        """The time and packet of a frame; None for one that is shown before the keyframe."""
        while self._next <= rank:
            self.read()
        while True:
            self._shown.sort()
            more = self._next < len(self._dts)
            bound = self._dts[self._next] if more else 1 << 62  # no earlier is still to come
            if bound > self.pts:
                self.rank = self._start + bisect_left(self._shown, (self.pts, 0))
                if rank < self.rank:
                    return None
                at = rank - self._start
                near = [pts for pts, _ in self._shown[at : at + 2]]
                if near[0] < bound:
                    if near[0] in near[1:]:
                        raise UncertainError
                    return self._shown[at]
            self.read()


def _from(file: VideoFile, place: int, times: tuple[int, int]) -> Iterator[Packet[VideoStream]]:
    """The packets from the one at this place in the file on; ``times`` to seek, in turn. FFmpeg's
    demuxer takes them for the time at which a frame is shown."""
    for time in times:
        file.container.seek(time, stream=file.stream)
        packets = file.packets()
        for packet in packets:
            if packet.pos == place:
                return chain((packet,), packets)
            if packet.pos is None or packet.pos > place:
                break
    raise UncertainError
