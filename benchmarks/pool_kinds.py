"""Pools of processes that read the same clips: ours and two libraries' (``benchmarks.pools``)."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any

from harness.video.clip_reading import look
from harness.video.prefetch import Prefetcher, ReadRequest

HARD = 120.0
"""Seconds after which a measurement is ended."""

# From requests, the number of workers and the seconds a clip may take to what each request gave,
# in order: pixels or an error.
Pool = Callable[[Sequence[ReadRequest], int, float], Iterator[Any]]


def ours(requests: Sequence[ReadRequest], workers: int, limit: float) -> Iterator[Any]:
    """As the harness runs it."""
    with Prefetcher(workers, timeout=limit) as reader:
        for _, result in reader.read(requests):
            yield result if isinstance(result, Exception) else result[1].pixels


def pebble(
    requests: Sequence[ReadRequest],
    workers: int,
    limit: float,
    begin: Callable[[], None] | None = None,
) -> Iterator[Any]:
    """A future for each clip; pixels come back pickled."""
    context = multiprocessing.get_context("spawn")
    pool = import_module("pebble").ProcessPool(workers, context=context, initializer=begin)
    try:
        yield from windowed(
            requests, workers, HARD, lambda one: pool.schedule(look, args=[one], timeout=limit)
        )
    finally:
        pool.stop()
        pool.join()


def pebble_watched(requests: Sequence[ReadRequest], workers: int, limit: float) -> Iterator[Any]:
    """As ``pebble``; no worker outlives the program."""
    yield from pebble(requests, workers, limit, end_with_parent)


def end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def loky(requests: Sequence[ReadRequest], workers: int, limit: float) -> Iterator[Any]:
    """It has no time limit for a task: what does not come in time is given up by its caller."""
    pool = import_module("loky").ProcessPoolExecutor(workers)
    try:
        yield from windowed(requests, workers, 2 * limit, lambda one: pool.submit(look, one))
    finally:
        pool.shutdown(wait=False, kill_workers=True)


def windowed(
    requests: Sequence[ReadRequest],
    workers: int,
    patience: float,
    submit: Callable[[ReadRequest], Any],
) -> Iterator[Any]:
    """In order, with two more in flight than there are workers."""
    waiting: list[Any] = []
    left = list(requests)
    while left or waiting:
        while left and len(waiting) < workers + 2:
            try:
                waiting.append(submit(left.pop(0)))
            except Exception as error:  # noqa: BLE001  # a broken pool takes nothing on
                waiting.append(error)
        first = waiting.pop(0)
        if isinstance(first, Exception):
            yield first
            continue
        try:
            yield first.result(timeout=patience)[1].pixels
        except Exception as error:  # noqa: BLE001  # whatever this pool raises is its answer
            yield error


POOLS: dict[str, Pool] = {
    "ours": ours,
    "pebble": pebble,
    "pebble+": pebble_watched,
    "loky": loky,
}
