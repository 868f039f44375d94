"""Looking at videos before a run does: is each there, whole and decodable?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness import video
from harness.data.archives import manifest
from harness.errors import VideoError


@dataclass(frozen=True)
class Problem:
    """What is wrong with one video: ``missing``, ``truncated`` (shorter than it was when it was
    extracted, or than its header says) or ``undecodable``; ``detail`` says it in words."""

    video: Path
    kind: Literal["missing", "truncated", "undecodable"]
    detail: str


def problems(videos: Iterable[Path], extracted: Path | None = None) -> Iterator[Problem]:
    """The problems of ``videos``, in their order. Every frame's packet is read, the first and the
    last frame are decoded; several videos at a time (decoding leaves Python's lock).

    ``extracted`` is the folder whose archives' manifests tell the sizes.
    """
    sizes = _sizes(extracted) if extracted else {}
    with ThreadPoolExecutor() as pool:
        found = pool.map(lambda path: _problem(path, sizes.get(path)), dict.fromkeys(videos))
        yield from (problem for problem in found if problem)


def _problem(path: Path, size: int | None) -> Problem | None:
    if not path.exists():
        return Problem(path, "missing", "no such file")
    if size is not None and path.stat().st_size != size:
        return Problem(path, "truncated", f"{path.stat().st_size} bytes instead of {size}")
    try:
        info = video.probe(path)
        video.read(path, [0])
    except VideoError as error:
        return Problem(path, "undecodable", str(error))
    try:
        video.read(path, [info.count - 1])
    except VideoError as error:
        return Problem(path, "truncated", str(error))
    return None


def _sizes(extracted: Path) -> dict[Path, int]:
    return {
        file.parent / name: size
        for file in extracted.rglob(".manifest")
        for name, size in manifest(file.parent).items()
    }
