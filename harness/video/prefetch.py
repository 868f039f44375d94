"""Reading clips ahead of the model, in processes that may hang or crash at no one else's cost.

One long-lived worker process per core. A clip that takes longer than the time limit, or takes
its worker down with it, becomes a VideoError in its place; the worker is replaced. Results come
in the order of the requests, and never more than ``in_flight`` clips are being read or lie waiting,
which bounds the memory.

Why not a library's pool: pebble survives a hang and a crash as well, but pickles the pixels
through a pipe (a quarter more processor time for 60 frames, over twice the time by the clock) and
leaves its workers behind when the run is killed, unless they watch for that themselves; loky has
no time limit (``python -m benchmarks.pools``; figures in benchmarks/RESULTS.md).
"""

from __future__ import annotations

import mmap
import os
import queue
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

import numpy as np

from harness.errors import HarnessError, VideoError
from harness.types import Frames, Pixels
from harness.video.prefetch_worker import ReadClip, ReadRequest, look, receive, send

__all__ = ["Prefetcher", "ReadClip", "ReadRequest"]

_START_LIMIT = 120.0  # seconds for a worker to come up, on the most loaded of machines

_PROGRAM = (
    "import sys; sys.path[:] = {path!r}; from harness.video.prefetch_worker import main; main()"
)


class Prefetcher:
    """Reads clips in worker processes, ahead of the caller and in order.

    ``workers``: processes, by default one per core that this process may use; 0 reads in this
    process, without a time limit. ``timeout``: seconds a clip may take. ``in_flight``: clips being
    read or waiting to be taken, by default two more than the workers (1 with none).
    ``waited`` counts the seconds that the caller waited for frames.

        with Prefetcher() as reader:
            for request, result in reader.read(requests): ...
    """

    def __init__(
        self, workers: int | None = None, timeout: float = 300.0, in_flight: int | None = None
    ) -> None:
        count = _cores() if workers is None else workers
        self.waited = 0.0
        self._closed = False
        self._timeout = timeout
        self._in_flight = max(1, in_flight or count + 2) if count else 1
        self._workers = [_Worker() for _ in range(count)]
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        self._pool = ThreadPoolExecutor(max(count, 1), "video") if count else None

    def __enter__(self) -> Prefetcher:
        for worker in self._workers:  # all start at once, while the caller loads its model
            worker.start()
            self._idle.put(worker)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed = True
        for worker in self._workers:
            worker.close()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        for worker in self._workers:
            worker.stop()

    def read(
        self, requests: Iterable[ReadRequest]
    ) -> Iterator[tuple[ReadRequest, ReadClip | VideoError]]:
        """Each request with its clip, or with the VideoError that says why there is none.

        Raises what else a request raised (RequestError, or a defect with its traceback as a note).
        """
        if self._closed:
            raise HarnessError("this reader of videos is closed: make a new one")
        source = iter(requests)
        waiting: deque[tuple[ReadRequest, Future[ReadClip]]] = deque()
        exhausted = False
        try:
            while True:
                while not exhausted and len(waiting) < self._in_flight:
                    request = next(source, None)
                    if request is None:
                        exhausted = True
                        break
                    waiting.append((request, self._submit(request)))
                if not waiting:
                    return
                request, future = waiting.popleft()
                yield request, self._taken(future)
        finally:
            for _, future in waiting:
                future.cancel()

    def _submit(self, request: ReadRequest) -> Future[ReadClip]:
        if self._pool is not None:
            return self._pool.submit(self._handled, request)
        future: Future[ReadClip] = Future()
        start = time.perf_counter()
        try:
            future.set_result(look(request))
        except VideoError as error:
            future.set_exception(error)
        self.waited += time.perf_counter() - start
        return future

    def _handled(self, request: ReadRequest) -> ReadClip:
        worker = self._idle.get()
        try:
            return worker.clip(request, self._timeout)
        finally:
            self._idle.put(worker)

    def _taken(self, future: Future[ReadClip]) -> ReadClip | VideoError:
        start = time.perf_counter()
        try:
            return future.result()
        except VideoError as error:
            return error
        finally:
            self.waited += time.perf_counter() - start


class _Worker:
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
        sock = self._started()
        try:
            sock.settimeout(timeout)
            send(sock, request, [])
            message, descriptors = receive(sock)
        except TimeoutError:
            self.stop(patience=0)
            raise VideoError(
                f"{request.path}: not read within {timeout:g} s: the decoder hangs, or the "
                "limit is too short for it"
            ) from None
        except (EOFError, OSError):
            end = self.stop()
            raise VideoError(f"{request.path}: the decoder crashed ({end})") from None
        return _received(message, descriptors)

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


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
