"""One model per worker process: each takes every n-th clip and writes its own file of records.

With ``workers=1`` (the default) everything happens in this process. More make sense with more
GPUs: worker i is shown GPU i alone. The answers do not depend on how many there are.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from multiprocessing.process import parent_process
from pathlib import Path

from harness.errors import HarnessError, WorkerError
from harness.run.journal import Appender
from harness.run.progress import Progress
from harness.run.recorder import Recorder
from harness.run.request import Request
from harness.types import Clip, Record
from harness.video.prefetch import Prefetcher
from harness.run.loading import watch

Told = Callable[[Record], None]


def answer(request: Request, clips: Sequence[Clip], folder: Path) -> float:
    """Asks and records every question of the clips; returns the seconds models waited for frames.

    Raises WorkerError when a worker process died: what it had answered is kept.
    """
    with Progress(clips) as progress:
        if request.workers == 1 or len(clips) < 2:
            return _answer(request, clips, folder, 0, progress.update)
        return _spread(request, clips, folder, progress)


def _answer(
    request: Request, clips: Sequence[Clip], folder: Path, worker: int, told: Told
) -> float:
    """One worker's share, in this process."""
    if not clips:
        return 0.0
    options = request.video
    with (
        Appender(folder, worker) as records,
        Prefetcher(options.workers, options.timeout, options.in_flight) as reader,
    ):
        recorder = Recorder(request.benchmark, records, told)
        watched = watch(clips, request, reader, recorder.unwatched)
        for reply in request.backend.answer(recorder.watching(watched), request.decoding):
            recorder.answered(reply)
        recorder.unanswered()
        return reader.waited


def _spread(request: Request, clips: Sequence[Clip], folder: Path, progress: Progress) -> float:
    """Starts the workers, passes their records on to the bar, and waits for all of them."""
    context = multiprocessing.get_context("spawn")
    waited, complaints = 0.0, []
    ends: dict[Connection, SpawnProcess] = {}
    for worker in range(min(request.workers, len(clips))):
        ours, theirs = context.Pipe(duplex=False)
        share = clips[worker :: request.workers]
        process = context.Process(target=_work, args=(request, share, folder, worker, theirs))
        process.start()
        theirs.close()  # so that a dead worker is an end of file
        ends[ours] = process
    try:
        while ends:
            for end in wait(list(ends)):
                assert isinstance(end, Connection)
                try:
                    said = end.recv()
                except EOFError:
                    process = ends.pop(end)
                    process.join()
                    if process.exitcode:
                        complaints.append(f"a worker died (exit code {process.exitcode})")
                    continue
                if isinstance(said, Record):
                    progress.update(said)
                elif isinstance(said, HarnessError):
                    complaints.append(str(said))
                else:
                    waited += said
    finally:
        for process in ends.values():
            process.terminate()
    if complaints:
        raise WorkerError(
            f"{'; '.join(complaints)}; what was answered is kept: run again to resume"
        )
    return waited


def _work(
    request: Request, clips: Sequence[Clip], folder: Path, worker: int, parent: Connection
) -> None:
    """A worker process: sees its own GPU only, and does not outlive its parent."""
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    devices = visible.split(",") if visible else [str(n) for n in range(request.workers)]
    os.environ["CUDA_VISIBLE_DEVICES"] = devices[worker % len(devices)]
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        parent.send(_answer(request, clips, folder, worker, parent.send))
    except HarnessError as error:
        parent.send(error)
    except KeyboardInterrupt:
        pass  # the parent was interrupted too, and says how to resume


def _die_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)  # not sys.exit: a native call may be holding this process
