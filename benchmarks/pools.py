"""Our reading processes beside two libraries': ``python -m benchmarks.pools [--repeats N]``.

    ours     harness.video.prefetch: processes told over sockets, pixels in shared memory
    pebble   pebble.ProcessPool, whose tasks have a time limit   (where installed)
    pebble+  the same, with a thread in each worker that ends it with its parent
    loky     loky.ProcessPoolExecutor                            (where installed)

Each reads the same clips (2 s of 720p, 8 frames, shortest edge 336) by the same function:

    healthy  seconds by the clock and of the processor (all processes) for six clips on two workers
             that are up; the pools take turns, medians are shown, and all pixels must agree
    hang     one of four clips never ends (a pipe that nobody writes to); its limit is 6 s
    crash    the worker that reads one of four clips is killed by SIGSEGV
    orphans  the program is killed by SIGKILL while both workers hang: how many of its processes
             are left 5 s later

For hang and crash: how many of the other three clips come, on one worker. Every measurement is a
program of its own that is ended, with all that it started, after ``HARD`` seconds.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import inspect
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil

from benchmarks.clips import clip_file
from benchmarks.pool_kinds import (
    HARD,
    POOLS,
    Pool,
    end_with_parent,
    loky,
    pebble,
    pebble_watched,
    windowed,
)
from harness.video import prefetch, prefetch_worker, reading_process
from harness.video.prefetch import ReadRequest
from harness.video.sampling import Sampling

_LIMIT, _WORKERS, _CLIPS = 6.0, 2, 6
_HELPERS = ("resource_tracker", "forkserver")


def healthy(pool: Pool, path: Path, frames: int) -> dict[str, Any]:
    """Seconds, CPU seconds and a digest of all pixels, once every worker has read a clip."""
    requests = [_request(path, frames) for _ in range(_CLIPS + _WORKERS)]
    digest = hashlib.sha256()
    results = pool(requests, _WORKERS, HARD)
    began, busy = time.perf_counter(), _cpu()
    for _ in range(_WORKERS):
        next(results)
    start, start_busy = time.perf_counter() - began, _cpu() - busy
    began, busy = time.perf_counter(), _cpu()
    for pixels in [next(results) for _ in range(_CLIPS)]:
        if isinstance(pixels, Exception):
            raise pixels
        digest.update(pixels)
    took, used = time.perf_counter() - began, _cpu() - busy
    list(results)
    figures = {"seconds": took, "cpu": used, "start": start, "start_cpu": start_busy}
    return figures | {"digest": digest.hexdigest()}


def hang(pool: Pool, path: Path, frames: int) -> dict[str, Any]:
    """How many of the three healthy clips come."""
    results = list(pool(_with_a_stuck_one(path, frames), 1, _LIMIT))
    return {"came": _came(results), "said": str(results[1])}


def crash(pool: Pool, path: Path, frames: int) -> dict[str, Any]:
    """How many of the three healthy clips come."""

    def segfault() -> None:
        for child in psutil.Process().children(recursive=True):
            if not any(word in " ".join(child.cmdline()) for word in _HELPERS):
                child.send_signal(signal.SIGSEGV)

    timer = threading.Timer(2.0, segfault)
    results = []
    for result in pool(_with_a_stuck_one(path, frames), 1, HARD):
        results.append(result)
        if len(results) == 1:
            timer.start()
    return {"came": _came(results), "said": str(results[1])}


def orphans(pool: Pool, path: Path, frames: int) -> dict[str, Any]:
    """Says when both workers hang, and waits to be killed."""
    stuck = [_request(_stuck(), frames) for _ in range(_WORKERS)]
    results = pool([_request(path, frames)] * _WORKERS + stuck, _WORKERS, HARD)
    for _ in range(_WORKERS):
        next(results)
    print("up", flush=True)
    next(results)
    return {}


MEASURED = {"healthy": healthy, "hang": hang, "crash": crash, "orphans": orphans}


def _request(path: Path, frames: int) -> ReadRequest:
    return ReadRequest("clip", path, Sampling(frames=frames), size=336)


def _stuck() -> Path:
    path = Path(tempfile.mkdtemp(prefix="pools-")) / "stuck.mp4"
    os.mkfifo(path)
    return path


def _with_a_stuck_one(path: Path, frames: int) -> list[ReadRequest]:
    return [_request(one, frames) for one in (path, _stuck(), path, path)]


def _came(results: Sequence[Any]) -> int:
    return sum(not isinstance(r, Exception) for r in (results[0], *results[2:]))


def _cpu() -> float:
    """CPU seconds of this process and all below it."""
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def measured(what: str, name: str, path: Path, frames: int) -> dict[str, Any] | None:
    """What a program of its own found; None where it had to be ended."""
    command = [sys.executable, "-m", "benchmarks.pools", "--child", what, name]
    command += ["--frames", str(frames), "--path", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        ended = threading.Event()

        def end() -> None:
            ended.set()
            _kill([psutil.Process(child.pid)])

        timer = threading.Timer(HARD, end)
        timer.start()
        try:
            line = child.stdout.readline()
            left = _left(child) if line == "up\n" else None
        finally:
            timer.cancel()
    if ended.is_set():
        return None
    return {"left": left} if left is not None else json.loads(line)


def _left(child: subprocess.Popen[str]) -> int:
    """Kills a program, and counts which of its processes are there 5 s later."""
    time.sleep(2.0)  # the clips are being opened
    below = psutil.Process(child.pid).children(recursive=True)
    child.kill()
    child.wait()
    _, alive = psutil.wait_procs(below, timeout=5)
    _kill(alive)
    return len(alive)


def _kill(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        for one in [*process.children(recursive=True), process]:
            one.kill()


def lines(*parts: ModuleType | Callable[..., Any] | type) -> int:
    """Lines of code, without blank ones, comments and docstrings."""
    total = 0
    for part in parts:
        tree = ast.parse(inspect.getsource(part))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module) and (
                ast.get_docstring(node)
            ):
                node.body = node.body[1:] or [ast.Pass()]
        total += len(ast.unparse(tree).splitlines())
    return total


def _table(path: Path, frames: int, repeats: int) -> Iterator[str]:
    names = [name for name in POOLS if name == "ours" or find_spec(name.rstrip("+"))]
    runs: dict[str, list[dict[str, Any] | None]] = {name: [] for name in names}
    for _ in range(repeats):
        for name in names:
            runs[name].append(measured("healthy", name, path, frames))
    digests = {run["digest"] for taken in runs.values() for run in taken if run}
    yield f"{_CLIPS} clips × {frames} frames, {_WORKERS} workers; pixels equal: {len(digests) == 1}"
    yield "| pool | seconds | CPU s | first clips, s | CPU s | hang | crash | orphans | ended |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---:|"
    for name in names:
        done = [run for run in runs[name] if run]
        words = [name]
        for key in ("seconds", "cpu", "start", "start_cpu"):
            words.append(f"{statistics.median(r[key] for r in done):.2f}" if done else "–")
        ended = len(runs[name]) - len(done)
        for what, key in (("hang", "came"), ("crash", "came"), ("orphans", "left")):
            found = measured(what, name, path, frames)
            words.append("ended" if found is None else str(found[key]))
            ended += found is None
        yield f"| {' | '.join([*words, str(ended)])} |"
    reading = (prefetch, reading_process)
    shared = (prefetch_worker.Memory, prefetch_worker._anonymous_file)
    told = (prefetch_worker.send, prefetch_worker.receive, prefetch_worker._exactly)
    served = (prefetch_worker._answer, prefetch_worker.main)
    yield (
        f"lines of code: ours {lines(*reading, *shared, *told, *served)}, of which shared memory "
        f"{lines(*shared)}; the least use of pebble {lines(pebble, windowed)}, of pebble+ "
        f"{lines(pebble, pebble_watched, end_with_parent, windowed)}, of loky "
        f"{lines(loky, windowed)}"
    )


def main() -> None:
    """Prints one table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--path", type=Path, help="another video")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    path = given.path or clip_file("2s", Path(tempfile.gettempdir()) / "harness-benchmarks")
    if given.child:
        what, name = given.child
        print(json.dumps(MEASURED[what](POOLS[name], path, given.frames)), flush=True)
        return
    for line in _table(path, given.frames, given.repeats):
        print(line, flush=True)


if __name__ == "__main__":
    main()
