"""The part of a video that a clip is about, as a range of its frames."""

from __future__ import annotations

from harness.errors import VideoError
from harness.types import VideoInfo


def bounds(info: VideoInfo, segment: tuple[float, float] | None, first: int = 0) -> tuple[int, int]:
    """The segment (start and end in seconds) as a half-open range of indices, never empty.

    Both end frames, ``round(seconds * fps) - first``, are in it; ``first`` is the number of the
    first frame where frames are numbered files. Raises VideoError when the segment lies wholly
    outside the video or ends before it starts.
    """
    if segment is None:
        return 0, info.count
    start, end = segment
    from_there, duration = first / info.fps, info.count / info.fps
    if end < start:
        raise VideoError(f"the segment {start:g} to {end:g} s ends before it starts: correct it")
    if start - from_there >= duration or end - from_there < 0:
        raise VideoError(
            f"the segment {start:g} to {end:g} s lies outside the video, which lasts "
            f"{duration:.1f} s: is it the right file?"
        )
    lowest = min(max(round(start * info.fps) - first, 0), info.count - 1)
    last = min(round(end * info.fps) - first, info.count - 1)
    return lowest, max(last, lowest) + 1


def cut(info: VideoInfo, segment: tuple[float, float] | None, first: int = 0) -> tuple[str, ...]:
    """A note when the segment reaches over an end of the video by more than a frame."""
    if segment is None:
        return ()
    start, end = segment
    begin, close = (first - 1) / info.fps, (first + info.count + 1) / info.fps
    if start >= min(begin, 0) and end <= close:
        return ()
    return (
        f"segment {start:g} to {end:g} s cut to the video, which lasts "
        f"{info.count / info.fps:.1f} s",
    )
