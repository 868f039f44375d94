"""MP4 and MOV: frames found by the file's sample table, without reading every packet.

The table, which FFmpeg reads when it opens the file, lists each packet's place, size and decoding
time, but not when its frame is shown. That is told by the packets from a keyframe on, and two
facts make those few enough:

- What is stored before an H.264 IDR picture or an HEVC IRAP picture is shown before it (ITU-T
  H.264 and H.265), and AV1 shows frames as they are stored. So the number of frames shown before
  such a keyframe is the number of packets stored before it, and of those stored behind it that
  are shown before it.
- No frame is shown before it is decoded, so that packets whose decoding time lies behind a frame
  cannot come before it.

What else could change the pixels is looked up for the whole file: a second sample description,
encryption, and parameter sets in the packets, of which the first bytes are read. Where anything
is not as it should be there is no ``SampleTable``, and every packet is read.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from harness.types import VideoInfo
from harness.video.first_packets import Opening
from harness.video.index import Index, described
from harness.video.keyframe_runs import Run, Runs, UncertainError
from harness.video.parameter_sets import UNITS, Units, length_size
from harness.video.video_file import VideoFile, boxes

_CODECS = ("h264", "hevc", "av1", "libdav1d")
_KEY, _DISCARD = 1, 2  # AVINDEX_KEYFRAME, AVINDEX_DISCARD_FRAME
_MOST_OPENING = 64  # packets; a decoder that yields no frame of so many is a matter for all of them
_MOST_UNITS = 16  # NAL units before a packet's first slice
_MAPPED = 8192  # packets


@dataclass(frozen=True, eq=False)
class SampleTable:
    """The packets of one video as its sample table lists them, and what the video holds.

    ``places``, ``dts`` int64 [n]: where each begins in the file, and its decoding time in the
    file's units; ``keys`` int64 [k]: which of them are keyframes; ``start``: when the first frame
    is shown, in units; ``unit``: seconds.
    """

    info: VideoInfo
    places: NDArray[np.int64]
    dts: NDArray[np.int64]
    keys: NDArray[np.int64]
    start: int
    unit: float
    damage = ""

    def index(self, file: VideoFile, frames: Collection[int]) -> Index | None:
        """The index of these frames (and the first) alone; None where their packets are not as the
        table has them. The file is left wherever reading ended."""
        count = len(self.places)
        times, pts = np.full(count, np.nan), np.zeros(count, np.int64)
        order = np.full(count, -1, np.int64)
        runs = Runs(file, self.places, self.dts, self.keys)
        try:
            for frame in sorted({0, *frames}):
                pts[frame], order[frame] = runs.frame(frame)
                times[frame] = (pts[frame] - self.start) * self.unit
        except (UncertainError, av.error.FFmpegError):
            return None
        return Index(
            self.info,
            times,
            pts,
            order,
            self.keys,
            runs.key_pts,
            self.dts[self.keys],
            runs.key_rank,
            count,
            placed=True,
            seekable=True,
        )


def sample_table(file: VideoFile) -> SampleTable | None:
    """The table of a file that was just opened, which is left wherever reading ended; None, and a
    file that stands at its start, where it does not tell all that reading every packet would.

    Raises VideoError when nothing can be decoded.
    """
    if file.codec.name not in _CODECS or not file.container.format.name.startswith("mov"):
        return None
    places, sizes, dts, flags = _entries(file)
    if not 0 < len(places) == file.stream.frames or not _plain(file.path):
        return None
    ascending = (np.diff(places) > 0).all() and (np.diff(dts) > 0).all()
    if not ascending or (flags & _DISCARD).any() or not flags[0] & _KEY:
        return None
    keys = np.flatnonzero(flags & _KEY)
    if not _sets_stay(file, places, places + sizes, keys):
        return None
    runs = Runs(file, places, dts, keys)
    try:
        first = _first_frame(file, runs.run(0), len(places))
        start, place = runs.frame(0)
        end, _ = runs.frame(len(places) - 1)
        stored = file.codec.has_b_frames and not runs.reordered  # ``must_check`` has a look
        certain = not (place or stored or first.interlaced_frame) and runs.duration > 0
    except (UncertainError, av.error.FFmpegError):
        certain = False
    if not certain:
        file.rewind()
        return None
    file.first = first
    unit = float(file.stream.time_base or 0)
    info = described(file, first, len(places), (end - start) * unit + runs.duration * unit)
    return SampleTable(info, places, dts, keys, start, unit)


def _entries(file: VideoFile) -> tuple[NDArray[np.int64], ...]:
    """Every packet's place in the file, size in bytes, decoding time and flags: int64 [n] each."""
    listed = file.stream.index_entries[:]
    return tuple(
        np.fromiter(map(attrgetter(name), listed), np.int64, len(listed))
        for name in ("pos", "size", "timestamp", "flags")
    )


def _plain(path: Path) -> bool:
    """Whether the file is whole, unencrypted, in one piece (no fragments), and each of its tracks
    has one sample description (stsd: ISO/IEC 14496-12, 8.5.2)."""
    start, movies = 0, []
    with path.open("rb") as file:
        for name, end in list(boxes(file)):
            if name == b"moov":
                file.seek(start)
                movies.append(file.read(end - start))
            elif name == b"moof":
                return False
            start = end
    if start != path.stat().st_size or len(movies) != 1 or b"encv" in movies[0]:
        return False
    parts = movies[0].split(b"stsd")[1:]
    return bool(parts) and all(part[4:8] == b"\0\0\0\1" for part in parts)


def _sets_stay(
    file: VideoFile, places: NDArray[np.int64], ends: NDArray[np.int64], keys: NDArray[np.int64]
) -> bool:
    """Whether no packet brings parameter sets before its picture, and what is stored before a
    keyframe is shown before it, for every keyframe."""
    if ends.max() > file.path.stat().st_size:
        return False
    units = UNITS.get(file.codec.name)
    if units is None:
        return True  # AV1 has none, and shows frames as they are stored
    length = length_size(file.codec.name, bytes(file.codec.extradata or b""))
    if length != 4 or (ends - places).min() < 5:
        return False
    kinds = np.array([units.kind(head) for head in range(256)])
    pictures = np.zeros(len(places), np.int64)
    for part in (slice(at, at + _MAPPED) for at in range(0, len(places), _MAPPED)):
        # mapped anew for each part: what was looked at would else count as this process's memory
        data = np.memmap(file.path, np.uint8, "r")
        found = _pictures(data, places[part], ends[part], kinds, units)
        if found is None:
            return False
        pictures[part] = found
    return bool(np.isin(pictures[keys], list(units.barriers)).all())


def _pictures(
    data: NDArray[np.uint8],
    places: NDArray[np.int64],
    ends: NDArray[np.int64],
    kinds: NDArray[np.int64],
    units: Units,
) -> NDArray[np.int64] | None:
    """The kind of each packet's first slice, int64 [n]; None where a parameter set comes before one
    or the bytes make no sense. ``kinds`` [256]: the kinds of NAL units by their first byte."""
    at = places
    found = kinds[data[at + 4]]
    left = np.flatnonzero(~np.isin(found, list(units.slices)))
    at = at[left]
    for _ in range(_MOST_UNITS):
        if not len(left):
            return found
        if np.isin(found[left], units.sets).any():
            return None
        at += 4 + sum(data[at + i].astype(np.int64) << (24 - 8 * i) for i in range(4))
        if (at + 5 > ends[left]).any():
            return None
        found[left] = kinds[data[at + 4]]
        still = ~np.isin(found[left], list(units.slices))
        left, at = left[still], at[still]
    return None


def _first_frame(file: VideoFile, run: Run, count: int) -> VideoFrame:
    opening = Opening(file)
    opening.see(run.first)
    for _ in range(1, min(count, _MOST_OPENING)):
        if opening.done:
            break
        opening.see(run.read())
    if not opening.done and count > _MOST_OPENING:
        file.codec.flush_buffers()
        raise UncertainError
    return opening.frame(count)
