"""Reading the frames that were asked for, exactly those that decoding everything would give.

The targets are grouped by the keyframe that they need. Each group costs one seek and the decoding
of what lies between its keyframe and its last target, without the frames that no other frame refers
to (``skip_frame=NONREF``) unless they are targets themselves. Anything unexpected on the way
(a seek that lands late, a target that does not come, a decoder's complaint) sends the group to
the slow and certain path: decoding from the start, every frame traced to its packet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from harness.errors import VideoError
from harness.types import FrameResize, Frames, VideoInfo
from harness.video.convert import Converter, Resized, shrunk
from harness.video.full_decode import traced
from harness.video.index import Choose, Index, build
from harness.video.pixel_buffer import Allocate, Collecting, PixelBuffer, SharedBuffer
from harness.video.remembered import remember, remembered
from harness.video.sample_table import SampleTable
from harness.video.seeking_reader import OffTrackError, SeekingReader
from harness.video.video_file import VideoFile

Damaged = Literal["fail", "partial"]


class Wanted(NamedTuple):
    """What one of several clips needs of a video: see ``OpenVideo.read``."""

    indices: Sequence[int]
    size: int | None = None
    resize: FrameResize | None = None
    allocate: Allocate | None = None


class OpenVideo:
    """An open video: ``info``, ``read`` and ``index``. Made by ``open_video``."""

    first = 0  # frames in files are counted from 0

    def __init__(self, file: VideoFile, choose: Choose | None = None) -> None:
        self.path = file.path
        self.file = file
        self._held = remembered(file, choose)
        if isinstance(self._held, Index) and self._held.strict:
            file.be_strict()

    @property
    def info(self) -> VideoInfo:
        """What the video holds."""
        return self._held.info

    @property
    def index(self) -> Index:
        """The index of every frame. Where the sample table sufficed so far, it is made now."""
        if isinstance(self._held, SampleTable):
            self.file.rewind()
            self._held = build(self.file)
            remember(self.file, self._held)
        return self._held

    def _index_of(self, frames: Collection[int]) -> Index:
        """An index that is right for these frames at least."""
        table = self._held if isinstance(self._held, SampleTable) else None
        return (table.index(self.file, frames) if table else None) or self.index

    def read(
        self,
        indices: Sequence[int],
        *,
        size: int | None = None,
        resize: FrameResize | None = None,
        damaged: Damaged = "fail",
        allocate: Allocate | None = None,
    ) -> Frames:
        """The frames at ``indices``, in that order; see ``harness.video.read``."""
        self.usable(damaged)
        if outside := [i for i in indices if not 0 <= i < self.info.count]:
            raise VideoError(f"{self.path}: frame {outside[0]} asked of {self.info.count} frames")
        converter = self._converter(len(indices), size, resize)
        collected = PixelBuffer(converter, indices, allocate)
        index = self._index_of(indices)
        sound = {i for i in indices if index.sound(i, index.flaws)}
        bad = self._collect(sound, collected, index)
        bad |= set(indices) - sound
        return collected.frames(index.times, self._damage(bad, collected.asked, damaged))

    def read_together(self, wanted: Sequence[Wanted]) -> list[Frames] | None:
        """The frames of several clips by one pass, as ``read`` gives each. None where that saves
        less than a quarter of the decoding, and at any sign of damage, which is then to cost only
        the clips that need what is damaged."""
        targets = {index for one in wanted for index in one.indices}
        index = self._index_of(targets)
        if self._held.damage or index.flaws:
            return None
        apart = sum(_work(set(one.indices), index) for one in wanted)
        if 4 * _work(targets - index.kept.keys(), index) > 3 * apart:
            return None
        converters: dict[tuple[object, ...], Converter | Resized] = {}
        buffers = []
        for one in wanted:
            made = self._converter(len(one.indices), one.size, one.resize)
            converter = converters.setdefault((type(made), made.width, made.height), made)
            buffers.append(PixelBuffer(converter, one.indices, one.allocate))
        if self._collect(targets, SharedBuffer(buffers), index):
            return None
        return [buffer.frames(index.times, "") for buffer in buffers]

    def _converter(
        self, count: int, size: int | None, resize: FrameResize | None
    ) -> Converter | Resized:
        """What brings each of ``count`` frames to its size."""
        width, height = shrunk(self.info.width, self.info.height, size)
        shrink = (width, height) != (self.info.width, self.info.height)
        converter = Converter(width, height, shrink=shrink)
        if resize and (made := resize.size(count, width, height)):
            return Resized(converter, made, resize)
        return converter

    def _collect(self, sound: set[int], collected: Collecting, index: Index) -> set[int]:
        """Decodes these frames. Returns those that turned out to be damaged."""
        for target in sound & index.kept.keys():
            collected.put(index.kept[target], target)
        left = sound - index.kept.keys()
        left = self._by_seeking(left, collected, index) if index.seekable else left
        return self._by_counting(left, collected) if left else set()

    def usable(self, damaged: Damaged) -> None:
        """Raises VideoError when the file is known to be damaged, unless that is allowed."""
        if self._held.damage and damaged == "fail":
            raise VideoError(
                f"{self.path}: {self._held.damage}: download it again, or read what is there "
                "with damaged=partial"
            )

    def check(self, stretch: Sequence[int]) -> None:
        """Decodes the frames of one stretch (ascending, all of one keyframe) and drops them.

        Raises VideoError when any of them is damaged.
        """
        wanted = {int(self.index.pts[i]) for i in stretch}
        try:
            came = SeekingReader(self.file, self.index).frames(self.index.key(stretch[0]), stretch)
            wanted -= {frame.pts for frame in came if frame.pts is not None}
        except OffTrackError:
            pass
        if wanted:  # perhaps only the seek went wrong: the certain path knows
            self.read(stretch, size=16)

    def _by_seeking(self, targets: set[int], collected: Collecting, index: Index) -> set[int]:
        """The fast path. Returns the targets that are left to the certain one."""
        left: set[int] = set()
        walk = SeekingReader(self.file, index)
        for key, group in _groups(targets, index):
            wanted = {int(index.pts[i]): i for i in group}
            try:
                done = collected.take(walk.frames(key, group), wanted)
            except OffTrackError:
                done = False
            if not done:
                left.update(group)
                walk = SeekingReader(self.file, index)
        collected.forget(left)
        return left

    def _by_counting(self, targets: set[int], collected: Collecting) -> set[int]:
        """The certain path: decodes from the start. Returns the targets that are damaged."""
        index = self.index
        ranks = {int(place): rank for rank, place in enumerate(index.order)}
        missing, seen = set(targets), -1
        flaws: list[float] = []
        for frame, place in traced(self.file, flaws, lambda: not missing):
            seen = ranks.get(place, -1) if index.placed else seen + 1
            if seen in missing:
                collected.put(frame, seen)
                missing.remove(seen)
        bad = missing | {target for target in targets if not index.sound(target, flaws)}
        collected.forget(bad)
        return bad

    def _damage(self, bad: set[int], asked: int, damaged: Damaged) -> str:
        """What is wrong in words, ``bad`` of the targets being undecodable. Raises VideoError where
        that is not allowed, or nothing is left."""
        damage = self._held.damage
        if not bad:
            return damage
        missing = f"{len(bad)} of {asked} target frames undecodable"
        if damaged == "fail" or len(bad) == asked:
            raise VideoError(
                f"{self.path}: {missing} (the first is frame {min(bad)} of "
                f"{self.info.count}): the file is damaged: download it again"
            )
        return f"{damage}; {missing}" if damage else missing


def _groups(targets: set[int], index: Index) -> list[tuple[int, list[int]]]:
    """The targets by the keyframe that each needs, in the file's order."""
    groups: dict[int, list[int]] = {}
    for target in sorted(targets):
        groups.setdefault(index.key(target), []).append(target)
    return sorted(groups.items())


def _work(targets: set[int], index: Index) -> int:
    """How many packets are decoded for these frames at most."""
    if not index.seekable:
        return 1 + max((int(index.order[target]) for target in targets), default=-1)
    return sum(
        int(max(index.order[target] for target in group)) - int(index.keys[key]) + 1
        for key, group in _groups(targets, index)
    )


@contextmanager
def open_video(path: Path, choose: Choose | None = None) -> Iterator[OpenVideo]:
    """An open video file. ``choose`` names the frames that will be read (see ``index.build``).

    Raises VideoError when it cannot be opened or holds no frame.
    """
    file = VideoFile(path)
    try:
        yield OpenVideo(file, choose)
    finally:
        file.close()
