"""Models on a Ray cluster: each in an actor of its own, all taking clips from one queue.

Nothing is planned for a node: an actor starts where and when there is room for it and takes clips
as long as there are any, so a cluster may grow, shrink or lose a node while a run goes on. The
queue is an actor beside the driver; the driver writes the journal.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from harness.errors import DataError, HarnessError, RequestError, WorkerError
from harness.run.dispatch import Dispatcher
from harness.run.raised import Raised
from harness.run.ray_placement import Placement
from harness.run.request import Request
from harness.run.work import work
from harness.run.workers import given_up
from harness.types import Clip, Record

Write = Callable[[Record], bool]
"""Keeps a record; whether enough is known now."""

PAUSE = 0.2
"""Seconds between two looks at the queue."""


class Queue:
    """The queue of one run, as an actor. Workers have a number each, never given twice: what a dead
    one had sent off and comes in late belongs to no session, and is asked again."""

    def __init__(self, clips: Sequence[Clip]) -> None:
        self._queue = Dispatcher(clips)
        self._records: list[Record] = []
        self._waited = 0.0

    def begin(self, worker: int) -> bool:
        return self._queue.begin(worker)

    def next(self, worker: int) -> Clip | None:
        return self._queue.next(worker)

    def append(self, worker: int, record: Record) -> None:
        if self._queue.in_session(worker):
            self._queue.answered(worker, record.video, record.key)
            self._records.append(record)

    def ended(self, worker: int, waited: float) -> None:
        self._queue.ended(worker)
        self._waited += waited

    def died(self, worker: int) -> list[Clip]:
        return self._queue.died(worker)

    def stop(self) -> None:
        self._queue.stop()

    def take(self) -> tuple[list[Record], float, int, bool]:
        """The records that came since the last time; seconds waited for frames; how many workers
        have something to do; whether all is done."""
        records, self._records = self._records, []
        queue = self._queue
        return records, self._waited, queue.sessions + queue.waiting, queue.done


class Replica:
    """One model, as an actor."""

    def __init__(self, request: Request, queue: Any, number: int) -> None:
        self._request = request
        self._desk = _Remote(request, queue, number)

    def run(self) -> Raised | None:
        """Works until there is nothing to do; a bug is handed back, for Ray would wrap it up."""
        try:
            work(self._request, self._desk)
        except HarnessError:
            raise
        except Exception as error:  # noqa: BLE001  # raised by the run
            return Raised.of(error)
        return None


class _Remote:
    """The desk as a replica sees it."""

    def __init__(self, request: Request, queue: Any, number: int) -> None:
        self._request = request
        self._queue = queue
        self._number = number

    def begin(self) -> bool:
        return bool(self._call("begin"))

    def next(self) -> Clip | None:
        clip = self._call("next")
        return here(self._request, clip) if isinstance(clip, Clip) else None

    def append(self, record: Record) -> None:
        self._call("append", record)  # waits: what is taken in outlives this node

    def ended(self, waited: float) -> None:
        self._call("ended", waited)

    def _call(self, name: str, *given: object) -> object:
        return _ray().get(getattr(self._queue, name).remote(self._number, *given))


def here(request: Request, clip: Clip) -> Clip:
    """The clip with its video on this machine: by a path that all share, or fetched and verified
    now. What cannot be fetched fails when it is read; rows that cannot be asked were left out, or
    refused, before."""
    if clip.video is None or clip.video.exists():
        return clip
    try:
        request.benchmark.prepare([clip])
        found = {known.id: known.video for known in request.benchmark.clips([])}
    except DataError:
        return clip
    return replace(clip, video=found.get(clip.id, clip.video))


def answer_on_ray(request: Request, clips: Sequence[Clip], write: Write) -> float:
    """Asks every question of the clips on ``request.workers`` models, as far as the cluster has
    room, and writes each record; returns the seconds models waited for frames. Once ``write`` says
    that enough is known, no further clip is handed out.

    Raises RequestError without Ray or a cluster, WorkerError when models die before they take a
    clip, and what a model raises.
    """
    with _cluster(request) as ray:
        node = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        queue = ray.remote(Queue).options(num_cpus=0, scheduling_strategy=node).remote(list(clips))
        try:
            return _drive(ray, request, queue, Placement(ray, Replica, request), write)
        except _deaths(ray) as error:
            first = str(error).strip().splitlines()[:1] or [type(error).__name__]
            raise WorkerError(
                f"runner=ray: the clips' queue, beside this command, has ended ({first[0]}); what "
                "was answered is kept: run the same command again to resume"
            ) from error


def _drive(ray: Any, request: Request, queue: Any, placement: Placement, write: Write) -> float:
    crew: dict[Any, tuple[int, Any]] = {}
    numbers = itertools.count()
    try:
        while True:
            records, waited, wanted, done = _got(ray, queue.take.remote())
            _keep(ray, queue, records, write)
            if done:
                return float(waited)
            while len(crew) < min(request.workers, wanted):
                number = next(numbers)
                actor = placement.start(request, queue, number)
                crew[actor.run.remote()] = (number, actor)
            placement.report()
            for ended in ray.wait(list(crew), timeout=PAUSE)[0]:
                number, actor = crew.pop(ended)
                try:
                    raised = _got(ray, ended)
                except _deaths(ray) as error:
                    for clip in _got(ray, queue.died.remote(number)):
                        _keep(ray, queue, given_up(clip, type(error).__name__), write)
                    continue
                finally:
                    placement.end(actor)
                if raised is not None:
                    raise raised.error()
    finally:
        for _, actor in crew.values():
            placement.end(actor)
        ray.kill(queue)


def _deaths(ray: Any) -> tuple[type[BaseException], ...]:
    """How an actor's end is told: by itself, with its node, or for want of memory there."""
    known = ray.exceptions
    return known.RayActorError, known.RaySystemError, known.OutOfMemoryError


def _keep(ray: Any, queue: Any, records: Iterable[Record], write: Write) -> None:
    """Writes the records; ends the queue where they were enough."""
    enough = False
    for record in records:
        enough = write(record) or enough
    if enough:
        ray.get(queue.stop.remote())


def _got(ray: Any, reference: Any) -> Any:
    """A remote result; what was raised on purpose there is raised here as what it was."""
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, HarnessError):
            raise error.cause from None
        raise


@contextmanager
def _cluster(request: Request) -> Iterator[Any]:
    """Ray, connected; disconnected at the end where it was not before."""
    ray = _ray()
    if ray.is_initialized():
        yield ray
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray's own reports to its makers
    try:
        ray.init(address=request.ray.address, include_dashboard=False, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        first = str(error).strip().splitlines()[:1] or [type(error).__name__]
        raise RequestError(
            f"ray.address={request.ray.address}: no Ray cluster answers there ({first[0]})"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _ray() -> Any:
    import importlib

    try:
        ray = importlib.import_module("ray")
        importlib.import_module("ray.util.scheduling_strategies")
    except ImportError as error:
        raise RequestError(
            f"runner=ray needs Ray ({error}): install the extra ray, or write runner=local"
        ) from error
    return ray
