"""The packets of an MP4 without reading them, from the index that the file itself carries.

FFmpeg has parsed that index when it has opened the file, all but one column: how much later than
it is decoded each frame is shown (the ctts box), which is read here. For half an hour of video
this takes 30 ms where demuxing takes 240. Anything out of the ordinary is left to demuxing:
fragments, pre-roll, a file shorter than its index says, first packets that are not as computed.
ISO/IEC 14496-12, sections 8.3.2 (tkhd), 8.6.1.2 (stts) and 8.6.1.3 (ctts).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.video.packets import Packets
from harness.video.source import Source, boxes

_KEY, _DISCARD = 1, 2  # AVINDEX_KEYFRAME, AVINDEX_DISCARD_FRAME
_CHECKED = 64  # packets


def listed(source: Source) -> Packets | None:
    """The packets as the file's index lists them; None where it cannot be taken at its word."""
    if not source.container.format.name.startswith("mov,mp4"):
        return None
    delays = _delays(source.path, source.stream.id)
    entries = list(source.stream.index_entries)
    if delays is None or len(delays[0]) != len(entries) or not entries:
        return None
    end = entries[-1]
    dts = np.array([entry.timestamp for entry in entries], np.int64)
    flags = np.array([entry.flags for entry in entries], np.int64)
    if (flags & _DISCARD).any() or end.pos + end.size > source.path.stat().st_size:
        return None
    keys = (flags & _KEY) > 0
    first = [(packet.pts, packet.dts) for packet in islice(source.packets(), _CHECKED)]
    pts = dts + delays[0]
    pts += (first[0][0] or 0) - pts[0] if first else 0
    source.rewind()
    if first != list(zip(pts[:_CHECKED].tolist(), dts[:_CHECKED].tolist(), strict=True)):
        return None
    return Packets(pts, dts, keys, np.ones(len(pts), bool), True, delays[1], ())


def _delays(path: Path, track: int) -> tuple[NDArray[np.int64], int] | None:
    """By how much each packet of the track is shown after it is decoded, and the duration of
    the last one; None when the file does not say."""
    for moov in _children(path):
        table = dict(_boxes(moov))
        if _track(table.get(b"tkhd", b"")) != track:
            continue
        for name in (b"mdia", b"minf", b"stbl"):
            table = dict(_boxes(table.get(name, b"")))
        durations = _runs(table.get(b"stts", b""))
        if not len(durations):
            return None
        count, last = int(durations[:, 0].sum()), int(durations[-1, 1])
        if b"ctts" not in table:
            return np.zeros(count, np.int64), last
        counts, delays = _runs(table[b"ctts"]).T
        return np.repeat(delays, counts), last
    return None


def _children(path: Path) -> Iterator[bytes]:
    """The bodies of the file's tracks (the trak boxes in moov)."""
    with path.open("rb") as file:
        start = 0
        for name, end in boxes(file):
            if name == b"moov":
                file.seek(start)
                moov = file.read(end - start)
                head = 16 if moov[:4] == b"\0\0\0\1" else 8
                yield from (body for kind, body in _boxes(moov[head:]) if kind == b"trak")
                return
            start = end


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes in these bytes: (name, body)."""
    offset = 0
    while offset + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, offset)
        if size < 8:
            return
        yield name, data[offset + 8 : offset + size]
        offset += size


def _track(tkhd: bytes) -> int:
    """The number of the track, as FFmpeg has it in ``stream.id``."""
    offset = 20 if tkhd[:1] == b"\1" else 12
    return int(struct.unpack_from(">I", tkhd, offset)[0]) if len(tkhd) >= offset + 4 else -1


def _runs(box: bytes) -> NDArray[np.int64]:
    """A table of (how many packets, which value): int64 [n, 2]."""
    if len(box) < 8:
        return np.empty((0, 2), np.int64)
    count = struct.unpack_from(">I", box, 4)[0]
    return np.frombuffer(box[8 : 8 + 8 * count], ">i4").reshape(-1, 2).astype(np.int64)
