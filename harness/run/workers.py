"""Model processes on this machine: one per GPU, all taking clips from one queue.

With ``workers=1`` (the default) everything happens in this process. More make sense with more
GPUs: worker i is shown GPU i alone (more workers than GPUs share them). The answers do not depend
on how many there are. A worker that dies is started again; a clip that kills one twice fails, and
the run goes on. The journal is written here and nowhere else.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import pickle
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from harness.errors import RequestError
from harness.run.dispatch import ATTEMPTS, Dispatcher
from harness.run.journal import Appender
from harness.run.progress import Progress
from harness.run.raised import Raised
from harness.run.recorder import failed_records
from harness.run.request import Request
from harness.run.work import work
from harness.run.worker_process import serve
from harness.types import Clip, Failure, Record

Told = Callable[[Record], None]
Message = tuple[str, object]
"""From a worker: "begin", "next", "record", "ended" or "error", with what belongs to it."""


def answer(
    request: Request,
    clips: Sequence[Clip],
    folder: Path,
    progress: Progress,
    file: int = 0,
    enough: Callable[[Record], bool] | None = None,
) -> float:
    """Asks and records every question of the clips, in ``records-<file>.jsonl`` of the run folder;
    returns the seconds models waited for frames. ``enough`` is told each record: once it says so,
    no further clip is handed out.

    Raises WorkerError when workers die before they take a clip, and what a model raises, a bug
    included, wherever it ran: what was answered is kept.
    """
    with progress, Appender(folder, file) as records:
        driver = Driver(clips, records, progress.update, enough)
        if request.runner == "ray":
            from harness.run.ray_cluster import answer_on_ray

            driver.waited = answer_on_ray(request, clips, driver.write)
        elif request.workers == 1 or len(clips) < 2:
            work(request, _Here(driver))
        else:
            _spread(request, driver)
        return driver.waited


class Driver:
    """The run's own side: who has which clip, and the journal."""

    def __init__(
        self,
        clips: Sequence[Clip],
        records: Appender,
        told: Told,
        enough: Callable[[Record], bool] | None = None,
    ) -> None:
        self.queue = Dispatcher(clips)
        self.waited = 0.0
        self._records = records
        self._told = told
        self._enough = enough

    def keep(self, worker: int, record: Record) -> None:
        """Writes a worker's record."""
        self.queue.answered(worker, record.video, record.key)
        self.write(record)

    def ended(self, worker: int, waited: float) -> None:
        """A worker's session is over."""
        self.queue.ended(worker)
        self.waited += waited

    def died(self, worker: int, how: str) -> None:
        """A worker died: what it held goes to others, or fails where it has killed too often."""
        for clip in self.queue.died(worker):
            for record in given_up(clip, how):
                self.write(record)

    def write(self, record: Record) -> bool:
        """Appends a record to the journal and says so; whether enough is known now: then no
        further clip is handed out."""
        self._records.append(record)
        self._told(record)
        if self._enough is None or not self._enough(record):
            return False
        self.queue.stop()
        return True


def given_up(clip: Clip, how: str) -> Iterator[Record]:
    """The records of a clip that killed too many workers."""
    reason = f"its clip killed a worker {ATTEMPTS} times ({how})"
    return failed_records(clip, Failure("", "model", reason))


class _Here:
    """The desk of a worker that is this very process."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def begin(self) -> bool:
        return self._driver.queue.begin(0)

    def next(self) -> Clip | None:
        return self._driver.queue.next(0)

    def append(self, record: Record) -> None:
        self._driver.keep(0, record)

    def ended(self, waited: float) -> None:
        self._driver.ended(0, waited)


def _spread(request: Request, driver: Driver) -> None:
    """Keeps workers running while clips wait, and does what they say."""
    crew: dict[Connection, tuple[int, SpawnProcess]] = {}
    free = list(range(request.workers))
    try:
        while not driver.queue.done:
            wanted = min(request.workers, driver.queue.sessions + driver.queue.waiting)
            while len(crew) < wanted:
                worker = free.pop(0)
                connection, process = _start(request, worker)
                crew[connection] = (worker, process)
            for end in wait(list(crew)):
                if not isinstance(end, Connection):
                    continue
                worker, process = crew[end]
                message = _received(end)
                if message is None:
                    del crew[end]
                    free.append(worker)
                    process.join()
                    if process.exitcode or driver.queue.in_session(worker):
                        driver.died(worker, f"exit code {process.exitcode}")
                    continue
                _heed(driver, worker, end, message)
    finally:
        for _, process in crew.values():
            process.terminate()


def _received(end: Connection) -> Message | None:
    """What a worker sent; None: it died, perhaps in the middle of a message."""
    try:
        message: Message = end.recv()
        return message
    except (EOFError, OSError):
        return None


def _heed(driver: Driver, worker: int, end: Connection, message: Message) -> None:
    """Does what one message asks for. Raises the error that a worker raised."""
    match message:
        case ("begin", _):
            _reply(end, driver.queue.begin(worker))
        case ("next", _):
            _reply(end, driver.queue.next(worker))
        case ("record", Record() as record):
            driver.keep(worker, record)
        case ("ended", float() as waited):
            driver.ended(worker, waited)
        case ("error", Raised() as raised):
            raise raised.error()


def _reply(end: Connection, value: object) -> None:
    with contextlib.suppress(OSError):  # it died since it asked: its end of file comes next
        end.send(value)


def _start(request: Request, worker: int) -> tuple[Connection, SpawnProcess]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(request, worker, theirs))
    try:
        process.start()
    except (TypeError, AttributeError, pickle.PicklingError) as error:
        raise RequestError(
            f"workers={request.workers}: the request cannot be sent to another process ({error}): "
            "write workers=1, or make its model and task of what can be pickled"
        ) from error
    theirs.close()  # so that a dead worker is an end of file
    return ours, process
