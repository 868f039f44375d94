"""The packets of a video as its container states them, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import av
import numpy as np
from numpy.typing import NDArray

from harness.video.source import Source, share_present


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


def demuxed(source: Source) -> Packets:
    """Reads every packet of an open file, from where it stands (its start)."""
    claimed = _claimed(source)
    demuxer = source.container.format.name
    rows = []
    last, ended = 0, ""
    untimed = 0
    flaws: list[float] = []
    with _complaints() as complaints:
        try:
            for place, packet in enumerate(source.packets()):
                if packet.pts is None:
                    untimed += 1
                row = (packet.pts or 0, packet.dts or 0, packet.is_keyframe, packet.is_discard)
                rows.append(row)
                if packet.is_corrupt:
                    flaws.append(place)
                if complaints:
                    # the demuxer's own: bytes skipped before this packet
                    flaws += [place - 0.5 for _, who, _ in complaints if who == demuxer]
                    complaints.clear()
                last = packet.duration or last
        except av.error.FFmpegError as error:
            ended = error.strerror or str(error)
    table = np.array(rows, np.int64).reshape(-1, 4)
    pts, dts, keys, discard = table.T
    flaws = [flaw for flaw in flaws if not _is_seam(flaw, keys)]
    packets = Packets(pts, dts, keys > 0, discard == 0, not untimed, last, tuple(flaws))
    missing = max(0, claimed - len(rows))
    damage = _damage(source, packets, missing, ended, complete=claimed == len(rows))
    return replace(packets, damage=damage)


def _is_seam(flaw: float, keys: NDArray[np.int64]) -> bool:
    """Whether a damaged packet is but one of the last two before a new start.

    Where transport streams are joined, the packet counter jumps, and the demuxer takes a packet
    at the seam for damaged; the decoder knows better.
    """
    place = int(flaw)
    return flaw == place and bool(keys[place + 1 : place + 3].any())


def _claimed(source: Source) -> int:
    """How many packets the file's own index lists, for the formats that list every one."""
    entries = source.stream.index_entries
    if source.container.format.name == "avi":
        return sum(entry.size > 0 for entry in entries)
    return len(entries) if source.container.format.name.startswith("mov") else 0


@contextmanager
def _complaints() -> Iterator[list[tuple[int, str, str]]]:
    """FFmpeg's error messages (level, who, text) as they come."""
    level, skip = av.logging.get_level(), av.logging.get_skip_repeated()
    av.logging.set_level(av.logging.ERROR)
    av.logging.set_skip_repeated(False)
    try:
        with av.logging.Capture() as logs:
            yield logs
    finally:
        av.logging.set_level(level)
        av.logging.set_skip_repeated(skip)


def _damage(source: Source, packets: Packets, missing: int, ended: str, complete: bool) -> str:
    """What is wrong with the file, in words; ``complete``: all that its index lists is there."""
    if complete and not packets.flaws and not ended:
        return ""
    share = share_present(source.path)
    if share < 1:
        return f"the file is cut at {share:.0%} of its length"
    if ended:
        return f"reading breaks off after {len(packets.pts)} packets ({ended})"
    if missing:
        return f"{missing} of the packets in its index are missing"
    return f"{len(packets.flaws)} places in it are damaged" if packets.flaws else ""
