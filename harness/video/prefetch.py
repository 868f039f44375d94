"""Reading clips ahead of the model, in processes that may hang or crash at no one else's cost.

One long-lived worker process per core. A clip that takes longer than the time limit, or takes
its worker down with it, becomes a VideoError in its place; the worker is replaced. Results come
in the order of the requests, and never more than ``in_flight`` clips are being read or lie waiting,
which bounds the memory.

Clips of one file that follow one another (moments of a long video: OVO-Bench) are read together, by
one pass of the decoder, up to half of ``in_flight`` at a time while reading keeps ahead of the
caller. Where the caller had to wait for such a pass, fewer are, down to what leaves work for every
process. What cannot be read together, for whatever reason, is read clip by clip.

Why not a library's pool: pebble survives a hang and a crash as well, but pickles the pixels
through a pipe (a quarter more processor time for 60 frames, over twice the time by the clock) and
leaves its workers behind when the run is killed, unless they watch for that themselves; loky has
no time limit (``python -m benchmarks.pools``; figures in benchmarks/RESULTS.md).
"""

from __future__ import annotations

import os
import queue
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from harness.errors import HarnessError, VideoError
from harness.video.clip_reading import ReadClip, ReadRequest, look, shareable
from harness.video.reading_process import ReadingProcess

__all__ = ["Prefetcher", "ReadClip", "ReadRequest"]

_NOTICED = 0.01  # seconds that a caller waits for a clip and that are no mere exchange of messages


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
        self._together = self._most = max(1, (self._in_flight + 1) // 2)
        self._calm: int | None = None  # clips that were not waited for in a row; None: none taken
        self._workers = [ReadingProcess() for _ in range(count)]
        self._idle: queue.SimpleQueue[ReadingProcess] = queue.SimpleQueue()
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
        source = _Runs(requests)
        waiting: deque[_Place] = deque()
        try:
            while True:
                self._refill(waiting, source)
                if not waiting:
                    return
                place = waiting.popleft()
                yield place.request, self._taken(place)
        finally:
            for place in waiting:
                place.job.cancel()

    def _refill(self, waiting: deque[_Place], source: _Runs) -> None:
        """Has as many clips read as may be, those of one file together."""
        while room := self._in_flight - len(waiting):
            if waiting and source.shared and room < self._together:
                return  # clips of one file are under way: room for several of them is awaited
            batch = source.take(min(room, self._together))
            if not batch:
                return
            waiting += self._submit(batch)

    def _submit(self, batch: list[ReadRequest]) -> Iterator[_Place]:
        job: Future[list[ReadClip | Future[ReadClip]]] = Future()
        if self._pool is not None:
            job = self._pool.submit(self._handled, batch)
        else:
            start = time.perf_counter()
            try:
                job.set_result([look(batch[0])])
            except VideoError as error:
                job.set_exception(error)
            self.waited += time.perf_counter() - start
        return (_Place(request, job, place) for place, request in enumerate(batch))

    def _handled(self, batch: list[ReadRequest]) -> list[ReadClip | Future[ReadClip]]:
        """The clips; of those that are better read alone, what will be each."""
        if len(batch) == 1:
            return [self._alone(batch[0])]
        worker = self._idle.get()
        try:
            if read := worker.clips(batch, self._timeout):
                return [*read]
        except VideoError:
            pass  # it is said of the clip that it is about when each is read alone
        finally:
            self._idle.put(worker)
        assert self._pool is not None
        return [self._pool.submit(self._alone, request) for request in batch]

    def _alone(self, request: ReadRequest) -> ReadClip:
        worker = self._idle.get()
        try:
            return worker.clip(request, self._timeout)
        finally:
            self._idle.put(worker)

    def _taken(self, place: _Place) -> ReadClip | VideoError:
        start = time.perf_counter()
        try:
            return place.result()
        except VideoError as error:
            return error
        finally:
            waited = time.perf_counter() - start
            self.waited += waited
            self._adapt(place, waited)

    def _adapt(self, place: _Place, waited: float) -> None:
        """Has fewer clips read together where one of them (but for the very first) was waited for,
        and more again once as many as may be in flight were not."""
        if self._calm is None:
            self._calm = 0
        elif place.shared and waited > _NOTICED:
            fewest = min(max(self._in_flight // len(self._workers), 1), self._most)
            self._together, self._calm = max(self._together // 2, fewest), 0
        elif (calm := self._calm + 1) < self._in_flight:
            self._calm = calm
        else:
            self._together, self._calm = min(self._together * 2, self._most), 0


class _Place:
    """A clip that is being read, perhaps among others: ``place`` in its job's list."""

    def __init__(
        self, request: ReadRequest, job: Future[list[ReadClip | Future[ReadClip]]], place: int
    ) -> None:
        self.request, self.job = request, job
        self._place = place
        self.shared = False

    def result(self) -> ReadClip:
        """The clip, which is no more kept here: others of its job may wait for long."""
        clips = self.job.result()
        self.shared = len(clips) > 1
        clip, clips[self._place] = clips[self._place], Future()
        return clip.result() if isinstance(clip, Future) else clip


class _Runs:
    """Requests, taken in runs that may be read together."""

    def __init__(self, requests: Iterable[ReadRequest]) -> None:
        self._source = iter(requests)
        self._next: ReadRequest | None = None
        self._kind: tuple[object, ...] | None = None
        self.shared = False  # whether the last two could be read together

    def take(self, most: int) -> list[ReadRequest]:
        """The next requests, at most so many and at least one, if there is any; no more are asked
        for than that."""
        taken: list[ReadRequest] = []
        while len(taken) < most:
            request = self._next or next(self._source, None)
            self._next = None
            if request is None:
                self.shared = False
                break
            kind = shareable(request)
            same = kind is not None and kind == self._kind
            if taken and not same:
                self._next = request
                break
            self.shared, self._kind = same, kind
            taken.append(request)
        return taken


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
