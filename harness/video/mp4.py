"""The packets of an MP4 without reading them, from the index that the file itself carries.

It states when each packet is decoded, how much later it is shown, and which packets are keyframes.
For half an hour of video reading it takes 2 ms where demuxing takes 240. Anything out of the
ordinary is left to demuxing: fragments, pre-roll, several edits, a file shorter than its index
says, first packets that are not as computed. ISO/IEC 14496-12, sections 8.3.2 (tkhd), 8.6.1.2
(stts), 8.6.1.3 (ctts), 8.6.2 (stss) and 8.6.6 (elst).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.video.packets import Packets
from harness.video.source import Source, boxes

_DISCARD = 2  # AVINDEX_DISCARD_FRAME
_CHECKED = 64  # packets


@dataclass(frozen=True, eq=False)
class _Table:
    """What a track says of its packets, in the file's order: by how much each is decoded after the
    first, and shown after it is decoded (int64 [n]); which are keyframes; how long the last is."""

    dts: NDArray[np.int64]
    delays: NDArray[np.int64]
    keys: NDArray[np.bool_]
    last: int


def listed(source: Source) -> Packets | None:
    """The packets as the file's index lists them; None where it cannot be taken at its word."""
    if not source.container.format.name.startswith("mov,mp4"):
        return None
    table = _table(source.path, source.stream.id, len(source.stream.index_entries))
    if table is None or not _agrees(table, source):
        return None
    dts = table.dts + source.stream.index_entries[0].timestamp
    first = [(packet.pts, packet.dts) for packet in islice(source.packets(), _CHECKED)]
    pts = dts + table.delays
    pts += (first[0][0] or 0) - pts[0] if first else 0
    source.rewind()
    if first != list(zip(pts[:_CHECKED].tolist(), dts[:_CHECKED].tolist(), strict=True)):
        return None
    return Packets(pts, dts, table.keys, np.ones(len(pts), bool), True, table.last, ())


def _agrees(table: _Table, source: Source) -> bool:
    """Whether FFmpeg lists the same times, has all of their bytes, and throws none away.

    Making an object of every entry would take half of the time that all of the indexing takes. One
    edit throws away only what lies before its start, up to the second keyframe, or behind
    its end, from the last keyframe on; everything before and behind that is not listed at all.
    """
    entries, keys = source.stream.index_entries, np.flatnonzero(table.keys)
    if not len(keys):
        return False
    end = entries[-1]
    behind = int(keys[1]) if len(keys) > 1 else len(entries)
    edges = {*range(behind), *range(int(keys[-1]), len(entries))}
    return (
        end.timestamp - entries[0].timestamp == table.dts[-1]
        and end.pos + end.size <= source.path.stat().st_size
        and not any(entries[i].flags & _DISCARD for i in edges)
    )


def _table(path: Path, track: int, count: int) -> _Table | None:
    """The track's table of ``count`` packets; None when the file has none, has several edits, or
    marks keyframes in other ways than by listing them (partial ones, groups of samples)."""
    for trak in _children(path):
        boxes = dict(_boxes(trak))
        if _track(boxes.get(b"tkhd", b"")) != track:
            continue
        edits = dict(_boxes(boxes.get(b"edts", b""))).get(b"elst", b"")
        for name in (b"mdia", b"minf", b"stbl"):
            boxes = dict(_boxes(boxes.get(name, b"")))
        if _edits(edits) > 1 or boxes.keys() & {b"stps", b"sbgp"}:
            return None
        steps = _column(boxes.get(b"stts", b""), count)
        delays = _column(boxes[b"ctts"], count) if b"ctts" in boxes else np.zeros(count, np.int64)
        synced = _rows(boxes.get(b"stss", b""), 1)[:, 0] - 1
        if steps is None or delays is None or not ((synced >= 0) & (synced < count)).all():
            return None
        keys = np.full(count, b"stss" not in boxes)
        keys[synced] = True
        return _Table(np.cumsum(steps) - steps, delays, keys, int(steps[-1]))
    return None


def _column(box: bytes, count: int) -> NDArray[np.int64] | None:
    """A table of (how many packets, which value) written out: int64 [count]; None if it does not
    speak of so many."""
    times, values = _rows(box, 2).T
    fits = count > 0 and times.sum() == count and (times >= 0).all()
    return np.repeat(values, times) if fits else None


def _edits(elst: bytes) -> int:
    """How many edits there are besides empty ones, which only delay the start."""
    long = elst[:1] == b"\1"  # times of 64 bits
    times = _rows(elst, 5)[:, 2:4] if long else _rows(elst, 3)[:, 1:2]
    return int((times != -1).any(axis=1).sum())


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


def _rows(box: bytes, columns: int) -> NDArray[np.int64]:
    """A table of 32-bit numbers behind its count: int64 [n, columns]."""
    if len(box) < 8:
        return np.empty((0, columns), np.int64)
    count = min(struct.unpack_from(">I", box, 4)[0], (len(box) - 8) // (4 * columns))
    numbers = np.frombuffer(box[8 : 8 + 4 * columns * count], ">i4")
    return numbers.reshape(-1, columns).astype(np.int64)
