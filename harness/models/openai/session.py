"""Many questions in flight: an event loop in a thread of its own, and answers as they come."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Coroutine, Iterator
from types import TracebackType
from typing import Any

from harness.types import Failure, Response

Result = Response | Failure


class Session:
    """Runs coroutines side by side, in the order they are given, and hands out their results.

    A thread, because samples are read while requests are in flight: reading a video blocks, and a
    server's answers and deadlines do not wait for it. ``close`` is a coroutine that is run last.
    An error of a coroutine is raised to whoever takes results, and the others are dropped.
    """

    def __init__(self, close: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._close = close
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="requests", daemon=True)
        self._results: queue.SimpleQueue[Result | BaseException] = queue.SimpleQueue()
        self._tasks: set[asyncio.Task[None]] = set()
        self.open = 0

    def __enter__(self) -> Session:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def submit(self, work: Coroutine[Any, Any, Result]) -> None:
        """Starts one; its result will be handed out."""
        self.open += 1
        self._loop.call_soon_threadsafe(self._start, work)

    def results(self, leave: int) -> Iterator[Result]:
        """What has come so far; then waits until at most ``leave`` are still open."""
        while self.open:
            try:
                result = self._results.get(block=self.open > leave)
            except queue.Empty:
                return
            self.open -= 1
            if isinstance(result, BaseException):
                raise result
            yield result

    def _start(self, work: Coroutine[Any, Any, Result]) -> None:
        task = self._loop.create_task(self._run(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, work: Coroutine[Any, Any, Result]) -> None:
        try:
            self._results.put(await work)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - raised again where results are taken
            self._results.put(error)

    async def _end(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._close()
