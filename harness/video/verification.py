"""Whether a video is sound, without decoding all of a long one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from os import PathLike
from pathlib import Path

from harness.errors import VideoError
from harness.video.exact_reader import OpenVideo
from harness.video.full_decode import traced
from harness.video.reading import opened

SECONDS = 2.0
_SMALL = 16  # pixels: nobody looks at these frames


def verify(path: str | PathLike[str], *, fps: float | None = None) -> str | None:
    """What is wrong with a video in one line that names it; None where nothing was found.

    All packets are read. Then whole stretches from keyframe to keyframe are decoded: the first,
    the last, the middle one, those between, and so on, until all are done or ``SECONDS`` (2) have
    passed, so that a short clip is decoded whole and a long one in many places; no stretch begins
    after that, and only a stretch that fails is decoded again from the file's start, to be certain.
    Damage that the decoder does not notice is not found: VP8 has no checksums, nor has VP9 where
    libvpx cannot decode it (``has_strict``). FFmpeg's stricter ``err_detect`` flags do not change
    that: of 16 places scrambled in turn they find 0 in VP9 and 1 in VP8, as without them, and 12
    instead of 11 of the 13 that show in MPEG-4.
    ``path`` may be a folder of numbered frames (``fps``: its clock): then as many of the pictures.
    """
    end = time.monotonic() + SECONDS

    def late() -> bool:
        return time.monotonic() > end

    try:
        with opened(Path(path), fps=fps) as video:
            video.usable("fail")
            if not isinstance(video, OpenVideo):
                for place in _spread(video.info.count):
                    video.read([place], size=_SMALL)
                    if late():
                        break
            elif video.index.seekable:
                _by_stretches(video, late)
            else:
                _from_start(video, late)
    except VideoError as error:
        return str(error)
    return None


def _by_stretches(video: OpenVideo, late: Callable[[], bool]) -> None:
    """Decodes stretches until it is late. Raises VideoError for one that cannot be decoded."""
    index = video.index
    stretches: dict[int, list[int]] = {}
    for frame in range(video.info.count):
        stretches.setdefault(index.key(frame), []).append(frame)
    groups = [stretches[key] for key in sorted(stretches)]
    for place in _spread(len(groups)):
        video.check(groups[place])
        if late():
            return


def _from_start(video: OpenVideo, late: Callable[[], bool]) -> None:
    """Decodes a file in which nothing can be sought: from its start, until it is late."""
    flaws = list(video.index.flaws)
    if video.index.placed:  # else indexing has decoded everything
        for _ in traced(video.file, flaws, late):
            pass
    bad = [i for i in range(video.info.count) if not video.index.sound(i, flaws)]
    if bad:
        raise VideoError(
            f"{video.path}: {len(bad)} of {video.info.count} frames undecodable (the first is "
            f"frame {bad[0]}): the file is damaged: download it again"
        )


def _spread(count: int) -> Iterator[int]:
    """0..count-1, each once: the ends, then the middle of the widest gaps first."""
    done = sorted({0, count - 1})
    yield from done
    gaps = list(pairwise(done))
    while gaps:
        later = []
        for low, high in gaps:
            if high - low > 1:
                middle = (low + high) // 2
                yield middle
                later += [(low, middle), (middle, high)]
        gaps = later
