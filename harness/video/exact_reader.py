"""Reading the frames that were asked for, exactly those that decoding everything would give.

The targets are grouped by the keyframe that they need. Each group costs one seek and the decoding
of what lies between its keyframe and its last target, without the frames that no other frame refers
to (``skip_frame=NONREF``) unless they are targets themselves. Anything unexpected on the way
(a seek that lands late, a target that does not come, a decoder's complaint) sends the group to
the slow and certain path: decoding from the start, every frame traced to its packet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

from harness.errors import VideoError
from harness.types import FrameResize, Frames, VideoInfo
from harness.video.convert import Converter, Resized, shrunk
from harness.video.full_decode import traced
from harness.video.index import Choose, Index, build
from harness.video.pixel_buffer import Allocate, PixelBuffer
from harness.video.seeking_reader import OffTrackError, SeekingReader
from harness.video.video_file import VideoFile

Damaged = Literal["fail", "partial"]


class OpenVideo:
    """An open video: its ``index``, ``info`` and ``read``. Made by ``open_video``."""

    first = 0  # frames in files are counted from 0

    def __init__(self, file: VideoFile, choose: Choose | None = None) -> None:
        self.path = file.path
        self.file = file
        self.index = _remembered(file, choose)

    @property
    def info(self) -> VideoInfo:
        """What the video holds."""
        return self.index.info

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
        width, height = shrunk(self.info.width, self.info.height, size)
        shrink = (width, height) != (self.info.width, self.info.height)
        converter: Converter | Resized = Converter(width, height, shrink=shrink)
        if resize and (made := resize.size(len(indices), width, height)):
            converter = Resized(Converter(width, height, shrink=shrink), made, resize)
        collected = PixelBuffer(converter, indices, allocate)
        sound = {i for i in indices if self.index.sound(i, self.index.flaws)}
        for target in sound & self.index.kept.keys():
            collected.put(self.index.kept[target], target)
        left = sound - self.index.kept.keys()
        left = self._by_seeking(left, collected) if self.index.seekable else left
        bad = self._by_counting(left, collected) if left else set()
        return self._result(bad | (set(indices) - sound), collected, damaged)

    def usable(self, damaged: Damaged) -> None:
        """Raises VideoError when the file is known to be damaged, unless that is allowed."""
        if self.index.damage and damaged == "fail":
            raise VideoError(
                f"{self.path}: {self.index.damage}: download it again, or read what is there "
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

    def _by_seeking(self, targets: set[int], collected: PixelBuffer) -> set[int]:
        """The fast path. Returns the targets that are left to the certain one."""
        left: set[int] = set()
        walk = SeekingReader(self.file, self.index)
        for key, group in self._groups(targets):
            wanted = {int(self.index.pts[i]): i for i in group}
            try:
                done = collected.take(walk.frames(key, group), wanted)
            except OffTrackError:
                done = False
            if not done:
                left.update(group)
                walk = SeekingReader(self.file, self.index)
        collected.forget(left)
        return left

    def _groups(self, targets: set[int]) -> list[tuple[int, list[int]]]:
        """The targets by the keyframe that each needs, in the file's order."""
        groups: dict[int, list[int]] = {}
        for target in sorted(targets):
            groups.setdefault(self.index.key(target), []).append(target)
        return sorted(groups.items())

    def _by_counting(self, targets: set[int], collected: PixelBuffer) -> set[int]:
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

    def _result(self, bad: set[int], collected: PixelBuffer, damaged: Damaged) -> Frames:
        """What was collected, without the ``bad`` targets, which cannot be decoded."""
        damage = self.index.damage
        if bad:
            missing = f"{len(bad)} of {collected.asked} target frames undecodable"
            if damaged == "fail" or len(bad) == collected.asked:
                raise VideoError(
                    f"{self.path}: {missing} (the first is frame {min(bad)} of "
                    f"{self.info.count}): the file is damaged: download it again"
                )
            damage = f"{damage}; {missing}" if damage else missing
        return collected.frames(self.index.times, damage)


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


_indexed: dict[tuple[str, int, int, int], Index] = {}


def _remembered(file: VideoFile, choose: Choose | None) -> Index:
    """The file's index, kept for the next few calls: probing and reading then share it.

    It goes by the file's size, time and place on disk, so that a replaced file is indexed anew.
    """
    status = file.path.stat()
    name = (str(file.path.resolve()), status.st_size, status.st_mtime_ns, status.st_ino)
    if index := _indexed.get(name):
        return index
    index = build(file, choose)
    while len(_indexed) >= 8:
        _indexed.pop(next(iter(_indexed)), None)
    _indexed[name] = replace(index, kept={})  # frames would fill the memory
    return index
