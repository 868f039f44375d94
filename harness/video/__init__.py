"""Videos: which frames to look at (``sampling``) and reading exactly those (``probe``, ``read``).

    probe(path) → VideoInfo        what a full decode would yield, in milliseconds
    read(path, indices) → Frames   those frames, pixel-equal to decoding everything
    verify(path) → str | None      what is wrong with the video, found in about 2 seconds

Frames are counted in presentation order from 0, and times run from the first frame.
``harness.video.prefetch`` does both in worker processes, ahead of whoever needs the frames.
"""

from harness.video.reading import probe, read
from harness.video.verification import verify

__all__ = ["probe", "read", "verify"]
