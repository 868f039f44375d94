"""Looking at videos before a run does: is each there, whole and decodable?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness import video
from harness.data.archives import intact, sizes_below
from harness.errors import VideoError

CLOCK = 1.0  # a folder of frames has none of its own, and whether it can be read needs none


@dataclass(frozen=True)
class Problem:
    """What is wrong with one video: ``missing``; ``truncated`` (shorter than when it was extracted,
    or some of its frames do not decode); ``undecodable`` at all. ``detail`` says it in words."""

    video: Path
    kind: Literal["missing", "truncated", "undecodable"]
    detail: str


def problems(videos: Iterable[Path], extracted: Path | None = None) -> Iterator[Problem]:
    """The problems of ``videos``, in their order. Of each, the packets are read and what fits in
    2 seconds is decoded (``video.verify``); several at a time (decoding leaves Python's lock).

    ``extracted`` is the folder whose archives' manifests tell the sizes.
    """
    sizes = sizes_below(extracted) if extracted else {}
    with ThreadPoolExecutor() as pool:
        found = pool.map(lambda path: _problem(path, sizes.get(path)), dict.fromkeys(videos))
        yield from (problem for problem in found if problem)


def _problem(path: Path, size: int | None) -> Problem | None:
    if not path.exists():
        return Problem(path, "missing", "no such file")
    if not intact(path, size):
        return Problem(path, "truncated", f"{path.stat().st_size} bytes instead of {size}")
    try:
        video.read(path, [0], fps=CLOCK, damaged="partial")
    except VideoError as error:
        return Problem(path, "undecodable", str(error))
    found = video.verify(path, fps=CLOCK)
    return Problem(path, "truncated", found) if found else None
