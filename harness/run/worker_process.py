"""A worker in a process of its own: the desk at its end of a pipe, and its one GPU."""

from __future__ import annotations

import os
import threading
from multiprocessing.connection import Connection, wait
from multiprocessing.process import parent_process
from pathlib import Path

from harness.run.raised import Raised
from harness.run.request import Request
from harness.run.work import work
from harness.types import Clip, Record

DEVICES = Path("/dev")


class Piped:
    """The desk as a worker process sees it: a pipe to the run."""

    def __init__(self, end: Connection) -> None:
        self._end = end
        self._lock = threading.Lock()

    def begin(self) -> bool:
        return bool(self._ask("begin"))

    def next(self) -> Clip | None:
        clip = self._ask("next")
        return clip if isinstance(clip, Clip) else None

    def append(self, record: Record) -> None:
        self.send("record", record)

    def ended(self, waited: float) -> None:
        self.send("ended", float(waited))

    def send(self, kind: str, value: object) -> None:
        with self._lock:
            self._end.send((kind, value))

    def _ask(self, kind: str) -> object:
        with self._lock:
            self._end.send((kind, None))
            return self._end.recv()


def serve(request: Request, worker: int, parent: Connection) -> None:
    """A worker process: sees its own GPU only, and does not outlive its parent."""
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    os.environ["CUDA_VISIBLE_DEVICES"] = own_device(worker, visible)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    desk = Piped(parent)
    try:
        work(request, desk)
    except KeyboardInterrupt:
        pass  # the parent was interrupted too, and says how to resume
    except Exception as error:  # noqa: BLE001  # raised by the run: a bug is no worker that died
        desk.send("error", Raised.of(error))


def own_device(worker: int, visible: str | None) -> str:
    """The GPU that a worker is shown, of those ``visible`` to the run (None: nobody said which, so
    all of the machine's; "": none is, and none is to be). More workers than GPUs share them."""
    if visible is None:
        count = _gpus()
        return str(worker % count if count else worker)
    devices = visible.split(",")
    return devices[worker % len(devices)]


def _gpus() -> int:
    """How many GPUs there are by the device files of NVIDIA's driver on Linux, without loading
    torch to ask it; 0 where those do not tell."""
    return sum(path.name[6:].isdecimal() for path in DEVICES.glob("nvidia*"))


def _die_with_parent() -> None:
    if (parent := parent_process()) is not None:
        wait([parent.sentinel])
    os._exit(1)  # not sys.exit: a native call may be holding this process
