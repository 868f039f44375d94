"""lmms-eval and this harness on the same clips, checkpoint, frames and prompts.

    make peers                            # lmms-eval, in an environment of its own
    OMP_NUM_THREADS=1 python -m benchmarks.side_by_side [--frames 32] [--shapes 12x3 4x10] [--json]

A medium LLaVA-NeXT-Video with random weights (float32, on a CPU) answers made-up questions about
generated clips of 720p. Each program loads the checkpoint once; what is compared is a whole run,
from its start to its scores, and each answer. Processor seconds are those of a program and all its
processes; seconds by the clock mean little where other work runs. The parts of our run are from a
run of their own, in processor seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from tabulate import tabulate

from benchmarks.side_by_side_task import NEW, prepare

ROOT = Path(__file__).resolve().parents[1]
PARTS = {
    "vision, and prompts' embeddings": "harness.models.transformers.decoder:Decoder.see",
    "prefill": "harness.models.transformers.decoder:Decoder.advance",
    "new tokens": "harness.models.transformers.decoder:Decoder.step",
    "pixels and tokens": "harness.models.transformers.pooled:PooledWriter.write",
    "loading the model": "harness.models.transformers.loading:load_model",
}
"""What of ours is timed, each function without the others that it calls."""


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and prints."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--height", type=int, default=720)
    parser.add_argument("--seconds", type=int, default=10, help="of each clip, at 24 a second")
    parser.add_argument("--side", type=int, default=336, help="of the model's pictures")
    parser.add_argument("--shapes", nargs="+", default=["12x3", "4x10"], help="clips x questions")
    parser.add_argument("--peer", type=Path, default=ROOT / "build/lmms_eval/bin/python")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="also print one line of JSON, last")
    parser.add_argument("--profile", nargs="+", help=argparse.SUPPRESS)
    words = parser.parse_args(argv)
    if words.profile:
        print(json.dumps(profiled(words.profile)))
        return 0
    if not words.peer.is_file():
        raise SystemExit(f"{words.peer}: there is no lmms-eval; make peers installs it")
    rows = []
    for shape in words.shapes:
        row = measure(words, *map(int, shape.split("x")))
        rows.append(row)
        shown = {k: v for k, v in row.items() if k != "parts"}
        print(tabulate([shown], "keys", "pipe", floatfmt=".1f"))
        print(f"\nwhere our time goes, {shape}:")
        print(tabulate(row["parts"].items(), ("part", "CPU s"), "pipe", floatfmt=".1f"), flush=True)
    if words.json:
        print(json.dumps(rows))
    return 0


def measure(words: argparse.Namespace, clips: int, questions: int) -> dict[str, Any]:
    """Both programs in turn over so many clips and questions; medians of the repeats."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        prepare(folder, words, clips, questions)
        peer = [str(words.peer), str(ROOT / "benchmarks/lmms_eval_peer.py")]
        theirs, ours = [], []
        for i in range(words.repeats):
            theirs.append(program([*peer, str(folder), str(words.frames)], folder))
            ours.append(our_run(folder, words, f"results{i}"))
        asked = [*our_words(folder, words), "results=profiled"]
        own = [sys.executable, "-m", "benchmarks.side_by_side", "--profile", *asked]
        parts = program(own, folder).found
    said, answers = theirs[0].found["answers"], ours[0].found["answers"]
    equal = sum(text.strip() == answers[id].strip() for id, text in said.items())
    cpu = [median(run.cpu for run in runs) for runs in (theirs, ours)]
    clock = [median(run.clock for run in runs) for runs in (theirs, ours)]
    return {
        "clips x questions": f"{clips} x {questions}",
        "lmms-eval, CPU s": cpu[0],
        "harness, CPU s": cpu[1],
        "times": cpu[0] / cpu[1],
        "by the clock, s": clock[0],
        "harness, s": clock[1],
        "times, clock": clock[0] / clock[1],
        "answers equal": f"{equal}/{len(said)}",
        "parts": parts,
    }


def our_words(folder: Path, words: argparse.Namespace) -> list[str]:
    """Our command's settings."""
    grid = words.side // 14 // 2
    return [
        "task=side_by_side", f"frames={words.frames}", "model=tiny_video",
        f"model.checkpoint={folder / 'checkpoint'}", f"model.tokens_per_frame={grid**2}",
        f"generation.max_new_tokens={NEW}",
    ]  # fmt: skip


@dataclass(frozen=True)
class Ran:
    """A program that ran: its seconds by the clock and of the processor, and what it found."""

    clock: float
    cpu: float
    found: dict[str, Any]


def our_run(folder: Path, words: argparse.Namespace, results: str) -> Ran:
    """One run of ours as a user starts it, with its answers."""
    own = [sys.executable, "-m", "harness", *our_words(folder, words), f"results={results}"]
    ran = program(own, folder)
    [path] = (folder / results).rglob("records-*.jsonl")
    records = [json.loads(line) for line in path.read_text().splitlines()]
    answers = {r["question"]["id"]: (r["response"] or {"text": ""})["text"] for r in records}
    return replace(ran, found={"answers": answers})


def program(command: list[str], folder: Path) -> Ran:
    """Runs a program to its end; what it found is its last line, where that is JSON. All its
    processes count that it waited for."""
    began, before = time.perf_counter(), children_cpu()
    told = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True)
    clock, cpu = time.perf_counter() - began, children_cpu() - before
    if told.returncode:
        raise SystemExit(f"{' '.join(command)}\n{told.stdout[-2000:]}\n{told.stderr[-6000:]}")
    last = told.stdout.strip().splitlines()[-1:]
    return Ran(clock, cpu, json.loads(last[0]) if last and last[0].startswith("{") else {})


def children_cpu() -> float:
    """Processor seconds of all processes that were waited for, their own children included."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def environment() -> dict[str, str]:
    """Both programs get as many threads, and no network."""
    threads = str(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
    more = {"OMP_NUM_THREADS": threads, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    return os.environ | more | {"OMP_WAIT_POLICY": "PASSIVE"}


def profiled(words: list[str]) -> dict[str, float]:
    """Our run in this process: processor seconds of each part, and of all else."""
    from harness.cli import main as command
    from harness.models.transformers import engine  # noqa: F401 - so that all libraries are loaded

    imported = time.process_time()
    parts = Parts()
    for part, place in PARTS.items():
        parts.watch(part, place)
    with contextlib.redirect_stdout(sys.stderr):
        if command(words) not in (0, 1):
            raise SystemExit("our run failed")
    whole = time.process_time()
    return {
        "reading frames, in processes of its own": children_cpu(),
        **parts.seconds,
        "imports": imported,
        "all else of the main process": whole - imported - sum(parts.seconds.values()),
        "whole run": whole + children_cpu(),
    }


class Parts:
    """Processor seconds by part: a function's own, in its thread, less those of others in it."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(PARTS, 0.0)
        self._here = threading.local()

    def watch(self, part: str, place: str) -> None:
        """Has the function at ``module:name`` counted from now on."""
        module, _, path = place.partition(":")
        *within, name = path.split(".")
        owner = functools.reduce(getattr, within, importlib.import_module(module))
        function = getattr(owner, name)

        @functools.wraps(function)
        def counted(*args: Any, **given: Any) -> Any:
            running: list[float] = self._here.__dict__.setdefault("running", [])
            began = time.thread_time()
            running.append(0.0)
            try:
                return function(*args, **given)
            finally:
                inner, took = running.pop(), time.thread_time() - began
                self.seconds[part] += took - inner
                if running:
                    running[-1] += took

        setattr(owner, name, counted)


if __name__ == "__main__":
    raise SystemExit(main())
