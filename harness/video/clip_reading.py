"""Reading the clips that are asked for: one, or several of one file together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.errors import HarnessError, VideoError
from harness.types import FrameResize, Frames, VideoInfo
from harness.video.exact_reader import Damaged, Wanted, open_video
from harness.video.frame_cache import FrameCache
from harness.video.pixel_buffer import Allocate
from harness.video.reading import Decoder, Readable, opened
from harness.video.sampling import Sampling
from harness.video.segment import cut


@dataclass(frozen=True)
class ReadRequest:
    """One clip to read: which file, which frames, how.

    ``key`` is the caller's own; ``segment`` (seconds) bounds the sampling; ``fps`` is the clock of
    a folder of frames; ``size``, ``resize``, ``damaged`` and ``decoder`` are those of
    ``harness.video.read``; ``cache`` keeps the frames on disk for other runs.
    """

    key: str
    path: Path
    sampling: Sampling = field(default_factory=Sampling)
    segment: tuple[float, float] | None = None
    fps: float | None = None
    size: int | None = None
    resize: FrameResize | None = None
    damaged: Damaged = "fail"
    decoder: Decoder = "pyav"
    cache: FrameCache | None = None


ReadClip = tuple[VideoInfo, Frames]


def look(request: ReadRequest, memory: Allocate | None = None) -> ReadClip:
    """Probes, samples and reads one clip. Raises VideoError, or RequestError for a bad request."""
    if request.cache is not None and request.path.is_file():
        return _cached(request, request.cache, memory)
    with _open(request) as video:
        picks, size = _chosen(request, video.info, video.first)
        frames = video.read(
            picks, size=size, resize=request.resize, damaged=request.damaged, allocate=memory
        )
        return video.info, _noted(request, video.info, frames, video.first)


def shareable(request: ReadRequest) -> tuple[object, ...] | None:
    """What requests have in common that ``look_together`` may read; None for one that is read
    alone: a folder's frames are files of their own, other decoders are as they are, and a cache
    shares by itself."""
    if request.decoder != "pyav" or request.cache is not None or request.path.is_dir():
        return None
    return request.path, request.resize, request.damaged


def look_together(
    requests: Sequence[ReadRequest], memories: Sequence[Allocate]
) -> list[ReadClip] | None:
    """The clips of one file (``shareable``) by one pass of its decoder, the same to the bit as
    ``look`` reads each; None where each is better read alone (``OpenVideo.read_together``), and
    where anything is wrong, which is then said of the clips that it concerns."""

    def choose(info: VideoInfo) -> set[int]:
        return {index for request in requests for index in _chosen(request, info)[0]}

    try:
        with open_video(requests[0].path, choose) as video:
            wanted = [
                Wanted(*_chosen(request, video.info), request.resize, memory)
                for request, memory in zip(requests, memories, strict=True)
            ]
            read = video.read_together(wanted)
            if read is None:
                return None
            return [
                (video.info, _noted(request, video.info, frames))
                for request, frames in zip(requests, read, strict=True)
            ]
    except (HarnessError, MemoryError):
        return None


@contextmanager
def _open(request: ReadRequest) -> Iterator[Readable]:
    """The request's video, usable."""

    def choose(info: VideoInfo) -> list[int]:
        try:
            return _chosen(request, info)[0]
        except VideoError:  # said again, and by whom it is asked, when the video is known
            return []

    decoder, fps = request.decoder, request.fps
    with opened(request.path, fps=fps, decoder=decoder, choose=choose) as video:
        video.usable(request.damaged)
        yield video


def _chosen(request: ReadRequest, info: VideoInfo, first: int = 0) -> tuple[list[int], int | None]:
    """The frames to read, and their shortest edge (None: full size)."""
    try:
        picks = request.sampling.indices(info, request.segment, first=first)
    except VideoError as error:
        raise VideoError(f"{request.path}: {error}") from None
    return picks, request.sampling.shortest(info, len(picks), request.size)


def _noted(request: ReadRequest, info: VideoInfo, frames: Frames, first: int = 0) -> Frames:
    """The frames, with a note where the segment was cut."""
    return replace(frames, notes=(*frames.notes, *cut(info, request.segment, first)))


def _cached(request: ReadRequest, cache: FrameCache, memory: Allocate | None) -> ReadClip:
    """As ``look``, with the frames that the cache has, and keeping those that it has not; they are
    not resized by the model's own way, which depends on how many are shown together."""
    whole = cache.video(request.path, request.size, request.decoder)
    if info := whole.info():
        picks, size = _chosen(request, info)
        cached = cache.video(request.path, size, request.decoder)
        if frames := cached.frames(picks, memory):
            return info, _noted(request, info, frames)
    with _open(request) as video:
        info = video.info
        picks, size = _chosen(request, info)
        cached = cache.video(request.path, size, request.decoder)
        if missing := cached.missing(picks):
            frames = video.read(missing, size=size, damaged=request.damaged)
            if not frames.damage:
                whole.keep_info(info)
                cached.keep(frames)
        # None: damaged, or cleaned away meanwhile
        read = cached.frames(picks, memory)
        if read is None:
            read = video.read(picks, size=size, damaged=request.damaged)
        return info, _noted(request, info, read)
