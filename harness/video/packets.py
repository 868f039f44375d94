"""The packets of a video as its container states them, and what is wrong with them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeAlias

import av
import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from harness.video.video_file import VideoFile, plain_words, share_present


@dataclass(frozen=True, eq=False)
class Packets:
    """Every packet of the stream, in the file's order.

    ``pts``, ``dts`` int64 [n] in the file's time unit; ``keys``, ``shown`` bool [n]: whether
    decoding may start there, and whether it yields a frame (pre-roll does not); ``timed``: all
    have a pts; ``last``: the duration of the last one; ``flaws`` and ``damage``: as in ``Index``.
    """

    pts: NDArray[np.int64]
    dts: NDArray[np.int64]
    keys: NDArray[np.bool_]
    shown: NDArray[np.bool_]
    timed: bool
    last: int
    flaws: tuple[float, ...]
    damage: str = ""


See: TypeAlias = "Callable[[int, Packet[VideoStream]], None]"


def demuxed(file: VideoFile, see: See) -> Packets:
    """Reads every packet of an open file, from where it stands (its start), and shows each, with
    its number, to ``see``."""
    claimed = _claimed(file)
    demuxer = file.container.format.name
    rows = []
    last, untimed, ended = 0, 0, ""
    flaws: list[float] = []
    with _complaints() as complaints:
        try:
            for place, packet in enumerate(file.packets()):
                stamps = packet.pts or 0, packet.dts or 0, packet.pos or 0
                rows.append((*stamps, packet.is_keyframe, packet.is_discard))
                untimed += packet.pts is None
                see(place, packet)
                last = packet.duration or last
                if packet.is_corrupt:
                    flaws.append(place)
                if complaints:
                    if any(who == demuxer for _, who, _ in complaints):
                        # bytes were skipped, and what lies before them is not to be trusted
                        flaws += [max(place - 1, 0), place - 0.5]
                    complaints.clear()
            # what it complains of behind the last packet may have been packets
            ended = next((text.strip() for _, who, text in complaints if who == demuxer), "")
        except av.error.FFmpegError as error:
            ended = plain_words(error)
    table = np.array(rows, np.int64).reshape(-1, 5)
    pts, dts, positions, keys, discard = table.T
    flaws = [flaw for flaw in flaws if not _is_seam(flaw, keys, dts)]
    if 0 < len(rows) < claimed:
        flaws += _gaps(file, positions)
    packets = Packets(pts, dts, keys > 0, discard == 0, not untimed, last, tuple(flaws))
    damage = _damage(file, packets, max(0, claimed - len(rows)), ended)
    complete = claimed == len(rows) and not ended and not flaws
    return packets if complete else replace(packets, damage=damage)


def _is_seam(flaw: float, keys: NDArray[np.int64], dts: NDArray[np.int64]) -> bool:
    """Whether a damaged packet is but one of the last two before a new start.

    Where transport streams are joined, the packet counter jumps, and the demuxer takes a packet
    at the seam for damaged. The decoder knows better, unless time is missing there too.
    """
    place = int(flaw)
    steps = np.diff(dts)
    gap = len(steps) and steps[place : place + 2].max(initial=0) > 1.5 * np.median(steps)
    return flaw == place and bool(keys[place + 1 : place + 3].any()) and not gap


def _claimed(file: VideoFile) -> int:
    """How many packets the file's own index lists, for the formats that list every one."""
    name, entries = file.container.format.name, file.stream.index_entries
    if name == "avi":  # its empty chunks mean "the last frame again"
        return sum(entry.size > 0 for entry in entries)
    return len(entries) if name.startswith("mov") else 0


def _gaps(file: VideoFile, positions: NDArray[np.int64]) -> list[float]:
    """Where packets that the index lists did not come (n - 0.5: before packet n)."""
    ahead = 8 if file.container.format.name == "avi" else 0  # a chunk's own header
    listed = [entry.pos + ahead for entry in file.stream.index_entries if entry.size]
    return [float(n) - 0.5 for n in np.searchsorted(positions, np.setdiff1d(listed, positions))]


class _Listening:
    """FFmpeg's error messages, which PyAV passes on only at a level that holds for the whole
    process. Any number of threads may listen: the first one sets the level and the last one puts
    it back, so that each gets its messages to its end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners = 0
        self._before: tuple[int | None, bool] = (None, True)

    @contextmanager
    def __call__(self) -> Iterator[list[tuple[int, str, str]]]:
        """This thread's messages (level, who, text) as they come."""
        with self._lock:
            if not self._listeners:
                self._before = av.logging.get_level(), av.logging.get_skip_repeated()
                av.logging.set_level(av.logging.ERROR)
                av.logging.set_skip_repeated(False)
            self._listeners += 1
        try:
            with av.logging.Capture() as logs:
                yield logs
        finally:
            with self._lock:
                self._listeners -= 1
                if not self._listeners:
                    av.logging.set_level(self._before[0])
                    av.logging.set_skip_repeated(self._before[1])


_complaints = _Listening()


def _damage(file: VideoFile, packets: Packets, missing: int, ended: str) -> str:
    """What is wrong with the file, in words."""
    share = share_present(file.path)
    if share < 1:
        return f"the file is cut at {share:.0%} of its length"
    if ended:
        return f"reading breaks off after {len(packets.pts)} packets ({ended})"
    if missing:
        return f"{missing} of the frames that its index lists are missing"
    return f"its packets are damaged near {len(packets.flaws)} places" if packets.flaws else ""
