"""The demo beside other work: how much longer a run takes when two processes use both cores.

    python -m benchmarks.busy [--model tiny_video] [--repeats 2] [--spinning] [--json]

A run is a whole command, from its start to its table: seconds by the clock, and by the processor
(all its processes and threads). Two processes that count for ever are started beside it for the
second figure; they take the clock's seconds, and next to none of the processor's, unless the
run's own processes wait for each other by spinning. ``--spinning`` adds the same with threads that
wait for each other spinning, as OpenMP's do where it is not told otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

SPIN = {"OMP_WAIT_POLICY": "ACTIVE", "GOMP_SPINCOUNT": "infinite", "KMP_BLOCKTIME": "infinite"}
RAW = argparse.RawDescriptionHelpFormatter


def run(model: str, more: dict[str, str], words: list[str]) -> tuple[float, float]:
    """Seconds of one run of the demo in a fresh folder, by the clock and by the processor.

    Raises CalledProcessError.
    """
    with tempfile.TemporaryDirectory() as results:
        asked = [f"model={model}", "task=demo", "frames=8", f"results={results}", *words]
        began, used = time.perf_counter(), _used()
        subprocess.run(
            [sys.executable, "-m", "harness", *asked],
            check=True,
            stdout=subprocess.DEVNULL,
            env=os.environ | more,
        )
        return time.perf_counter() - began, _used() - used


def _used() -> float:
    """Processor seconds of all processes that were started here and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """So many processes that do nothing but use a core each."""
    count = [sys.executable, "-c", "while True: pass"]
    started = [subprocess.Popen(count) for _ in range(processes)]
    try:
        yield
    finally:
        for each in started:
            each.kill()
            each.wait()


Found = dict[str, tuple[float, float]]


def measure(model: str, repeats: int, spinning: bool, words: list[str]) -> Found:
    """Seconds by the clock and the processor, the best of the repeats: alone, beside two busy
    processes, and so but spinning."""
    found = {"alone": min(run(model, {}, words) for _ in range(repeats))}
    with busy(2):
        found["busy"] = min(run(model, {}, words) for _ in range(repeats))
        if spinning:
            found["spinning"] = min(run(model, SPIN, words) for _ in range(repeats))
    return found


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=RAW)
    parser.add_argument("--model", default="tiny_video")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--spinning", action="store_true")
    parser.add_argument("--json", action="store_true", help="also print one line of JSON, last")
    parser.add_argument("words", nargs="*", help="more words for the run: limit=3")
    chosen = parser.parse_args()
    found = measure(chosen.model, chosen.repeats, chosen.spinning, chosen.words)
    print(f"{chosen.model}, a whole run, {os.cpu_count()} cores")
    print("| beside | seconds | times as long | CPU s | times as much |")
    print("|---|---:|---:|---:|---:|")
    alone, alone_cpu = found["alone"]
    for name, (seconds, cpu) in found.items():
        times = f"{seconds / alone:.2f} | {cpu:.1f} | {cpu / alone_cpu:.2f}"
        print(f"| {name} | {seconds:.1f} | {times} |")
    if chosen.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
