"""What a worker does, wherever it runs: take clips from a desk, ask the model, hand in records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from harness.run.loading import load
from harness.run.recorder import Recorder, Records
from harness.run.request import Request
from harness.types import Clip, Record
from harness.video.prefetch import Prefetcher


class Desk(Protocol):
    """Where a worker gets its clips and hands in its records."""

    def begin(self) -> bool:
        """Whether there is something to do: then a session has begun."""
        ...

    def next(self) -> Clip | None:
        """The session's next clip; None: there is none."""
        ...

    def append(self, record: Record) -> None:
        """Keeps a record, at once."""
        ...

    def ended(self, waited: float) -> None:
        """The session is over; the model waited so many seconds for frames in it."""
        ...


def work(request: Request, desk: Desk) -> None:
    """Sessions until there is nothing to do. The model stays loaded, and videos are read ahead by
    the same processes, from one to the next."""
    options = request.video
    with Prefetcher(options.workers, options.timeout, options.in_flight) as reader:
        before = reader.waited
        while desk.begin():
            answer(request, iter(desk.next, None), desk, reader)
            desk.ended(reader.waited - before)
            before = reader.waited


def answer(request: Request, clips: Iterable[Clip], records: Records, reader: Prefetcher) -> None:
    """Asks and records every question of the clips, which are taken as they are read ahead."""
    recorder = Recorder(records)
    samples = load(clips, request, reader, recorder.unread)
    for reply in request.backend.generate(recorder.passing(samples), request.generation):
        recorder.answered(reply)
    recorder.unanswered()
