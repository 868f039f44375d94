"""How many requests are in flight: more while the server is quick, half when it says it is busy."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

FIRST = 4
"""Requests in flight until more is known."""

SLOW = 4.0
"""Times the quickest answer that an answer may take before no more requests are added."""


class Window:
    """Places for requests in flight, given out in the order they are asked for.

    At most ``most``. Grows by one with every answer at first, then by one with every round of
    answers, as TCP's window does (RFC 5681), as long as answers take less than ``SLOW`` times the
    quickest; halves when the server is busy, once for all the requests sent before it was known.
    """

    def __init__(self, most: int, first: int = FIRST) -> None:
        self.most = most
        self.limit = float(min(first, most))
        self.active = 0
        self.shared = 0.0
        self._growing_fast = True
        self._quickest = float("inf")
        self._halved = 0.0
        self._until = 0.0
        self._last = time.monotonic()
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def place(self, ahead: bool = False) -> AsyncIterator[None]:
        """Holds one place, as soon as there is one and no pause is on; ``ahead`` of those who
        wait already."""
        while (left := self._until - time.monotonic()) > 0:
            await asyncio.sleep(left)
        if self.active < int(self.limit) and not self._waiting:
            self._count(1)
        else:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.insert(0 if ahead else len(self._waiting), turn)
            await turn  # whoever gave the place has counted it
        try:
            yield
        finally:
            self._count(-1)
            self._give()

    def answered(self, seconds: float) -> None:
        """An answer came after so many seconds."""
        self._quickest = min(self._quickest, seconds)
        if seconds > SLOW * self._quickest:
            self._growing_fast = False
            return
        grown = 1.0 if self._growing_fast else 1.0 / self.limit
        self.limit = min(float(self.most), self.limit + grown)
        self._give()

    def busy(self, sent: float, pause: float) -> None:
        """A request sent at ``sent`` (monotonic seconds) was refused: half as many from now on,
        and none for ``pause`` seconds."""
        now = time.monotonic()
        self._until = max(self._until, now + pause)
        if sent < self._halved:
            return
        self._growing_fast = False
        self._halved = now
        self.limit = max(1.0, self.limit / 2)

    def clock(self) -> float:
        """Seconds of which every request in flight had an equal share: the difference between two
        readings is one request's share of the time between them."""
        now = time.monotonic()
        if self.active:
            self.shared += (now - self._last) / self.active
        self._last = now
        return self.shared

    def _count(self, change: int) -> None:
        self.clock()
        self.active += change

    def _give(self) -> None:
        while self._waiting and self.active < int(self.limit):
            turn = self._waiting.popleft()
            if not turn.cancelled():
                self._count(1)
                turn.set_result(None)
