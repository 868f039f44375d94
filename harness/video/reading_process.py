"""A process that reads clips for ``prefetch``, as the process that needs them sees it."""

from __future__ import annotations

import mmap
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from harness.errors import HarnessError, VideoError
from harness.types import Frames, Pixels
from harness.video.clip_reading import ReadClip, ReadRequest
from harness.video.prefetch_worker import receive, send

_START_LIMIT = 120.0  # seconds for a worker to come up, on the most loaded of machines

_PROGRAM = (
    "import sys; sys.path[:] = {path!r}; from harness.video.prefetch_worker import main; main()"
)


class ReadingProcess:
    """One worker process and the socket to it. Used by one thread at a time."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._ready = self._closed = False

    def start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            number = str(theirs.fileno())
            self._process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM.format(path=sys.path), number],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the caller, who then closes the socket
            )
        self._socket, self._ready = ours, False

    def clip(self, request: ReadRequest, timeout: float) -> ReadClip:
        """The clip, read within ``timeout`` seconds, or a VideoError."""
        with self._asked(request, request.path, timeout) as sock:
            message, descriptors = receive(sock)
        return _received(message, descriptors)

    def clips(self, requests: list[ReadRequest], timeout: float) -> list[ReadClip] | None:
        """The clips of one file, read in one pass within ``timeout`` seconds; None where each is
        to be read alone. Raises VideoError as ``clip``, of none in particular."""
        with self._asked(requests, requests[0].path, timeout) as sock:
            together, _ = receive(sock)
            return [_received(*receive(sock)) for _ in requests] if together else None

    @contextmanager
    def _asked(self, request: object, path: Path, timeout: float) -> Iterator[socket.socket]:
        """The socket on which the answer comes."""
        sock = self._started()
        try:
            sock.settimeout(timeout)
            send(sock, request, [])
            yield sock
        except TimeoutError:
            self.stop(patience=0)
            raise VideoError(
                f"{path}: not read within {timeout:g} s: the decoder hangs, or the "
                "limit is too short for it"
            ) from None
        except (EOFError, OSError):
            end = self.stop()
            raise VideoError(f"{path}: the decoder crashed ({end})") from None

    def _started(self) -> socket.socket:
        """The socket to a process that is up. Raises HarnessError when it does not come up."""
        if self._closed:
            raise VideoError("reading was stopped")
        if self._process is None:
            self.start()
        assert self._socket is not None
        if not self._ready:
            self._socket.settimeout(_START_LIMIT)
            try:
                receive(self._socket)
            except (EOFError, OSError):
                end = self.stop()
                raise HarnessError(f"a process to read videos in does not start ({end})") from None
            self._ready = True
        return self._socket

    def stop(self, patience: float = 5.0) -> str:
        """Ends the process. Returns how it ended by itself, if it does in ``patience`` seconds."""
        process, sock = self._process, self._socket
        self._process = self._socket = None
        if sock is not None:
            sock.close()
        if process is None:
            return "not running"
        try:
            code = process.wait(patience)  # a crashed process takes a moment to be gone
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    def close(self) -> None:
        """Ends the process for good; a thread that waits for it gets an error."""
        self._closed = True
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def _received(message: object, descriptors: list[int]) -> ReadClip:
    """A worker's answer as a clip: its shared pixels are mapped, not copied."""
    if isinstance(message, BaseException):
        raise message
    assert isinstance(message, tuple)
    info, pixels, rest = message
    if descriptors:
        pixels = _mapped(descriptors[0], pixels)
    return info, Frames(pixels, *rest)


def _mapped(descriptor: int, shape: tuple[int, ...]) -> Pixels:
    try:
        memory = mmap.mmap(descriptor, int(np.prod(shape)))
    finally:
        os.close(descriptor)  # the mapping keeps the memory, and the last array frees it
    return np.frombuffer(memory, np.uint8).reshape(shape)
