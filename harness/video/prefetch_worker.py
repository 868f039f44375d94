"""The process that reads clips for ``ahead``: one at a time, as told over a socket.

It dies with whoever started it, however that ended: a thread waits on the socket all the time, and
its end is the process's end, even in the middle of a frame. Pixels go back in anonymous shared
memory whose descriptor travels over the socket, so that there is no name that could be leaked.
"""

from __future__ import annotations

import mmap
import os
import pickle
import queue
import socket
import struct
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from harness.errors import HarnessError, VideoError
from harness.types import FrameResize, Frames, Pixels, VideoInfo
from harness.video.exact_reader import Damaged
from harness.video.frame_cache import FrameCache
from harness.video.reading import Decoder, Readable, opened
from harness.video.sampling import Sampling
from harness.video.segment import cut

_LENGTH = struct.Struct("<Q")


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


class Memory:
    """Where a worker puts pixels: anonymous shared memory, kept by its descriptor alone."""

    def __init__(self) -> None:
        self.descriptor = -1

    def __call__(self, shape: tuple[int, ...]) -> Pixels:
        size = int(np.prod(shape))
        self.descriptor = _anonymous_file(size)
        return np.frombuffer(mmap.mmap(self.descriptor, size), np.uint8).reshape(shape)

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def _anonymous_file(size: int) -> int:
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("frames")
    else:  # macOS: a file without a name does as well, only slower
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.truncate(descriptor, size)
    return descriptor


def look(request: ReadRequest, memory: Memory | None = None) -> ReadClip:
    """Probes, samples and reads one clip. Raises VideoError, or RequestError for a bad request."""
    if request.cache is not None and request.path.is_file():
        return _cached(request, request.cache, memory)
    with _open(request) as video:
        picks, size = _chosen(request, video.info, video.first)
        frames = video.read(
            picks, size=size, resize=request.resize, damaged=request.damaged, allocate=memory
        )
        return video.info, _noted(request, video.info, frames, video.first)


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


def _cached(request: ReadRequest, cache: FrameCache, memory: Memory | None) -> ReadClip:
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


def send(sock: socket.socket, message: object, descriptors: list[int]) -> None:
    """Writes one message, and file descriptors with its first byte."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    socket.send_fds(sock, [_LENGTH.pack(len(body))], descriptors)
    sock.sendall(body)


def receive(sock: socket.socket) -> tuple[object, list[int]]:
    """Reads one message and its descriptors. Raises EOFError when the other side is gone."""
    head, descriptors, _, _ = socket.recv_fds(sock, _LENGTH.size, 1)
    head += _exactly(sock, _LENGTH.size - len(head)) if head else b""
    if not head:
        raise EOFError
    return pickle.loads(_exactly(sock, _LENGTH.unpack(head)[0])), list(descriptors)


def _exactly(sock: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = sock.recv(min(size - len(parts), 1 << 20))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)


def _answer(sock: socket.socket, request: ReadRequest) -> None:
    memory = Memory()
    try:
        info, frames = look(request, memory)
    except HarnessError as error:
        send(sock, error, [])
    except MemoryError:
        send(sock, VideoError(f"{request.path}: too large for this machine's memory"), [])
    except Exception as error:  # noqa: BLE001 – a defect: shown where it can be seen, then raised
        error.add_note(traceback.format_exc())
        send(sock, error, [])
    else:
        shared = memory.descriptor >= 0 and not frames.pixels.flags.owndata
        pixels = frames.pixels.shape if shared else frames.pixels
        rest = (frames.times, frames.indices, frames.damage, frames.notes)
        send(sock, (info, pixels, rest), [memory.descriptor] if shared else [])
    finally:
        memory.close()


def main() -> None:
    """Serves requests from the socket whose descriptor is the last argument, until it closes."""
    sock = socket.socket(fileno=int(sys.argv[-1]))
    requests: queue.SimpleQueue[ReadRequest] = queue.SimpleQueue()

    def listen() -> None:
        try:
            while True:
                message, _ = receive(sock)
                assert isinstance(message, ReadRequest)
                requests.put(message)
        except (EOFError, OSError):
            os._exit(0)  # nobody is left to read for

    threading.Thread(target=listen, daemon=True).start()
    send(sock, "ready", [])
    while True:
        try:
            _answer(sock, requests.get())
        except (BrokenPipeError, ConnectionResetError):
            os._exit(0)
