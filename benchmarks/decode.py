"""How fast frames are read: ``python -m benchmarks.decode [--json] [--repeats N] [--only WORDS]``.

8, 32 and 64 frames (``linspace``, shortest edge 336) from 10 s and 60 s of 720p and 30 min of 360p
H.264 as x264 makes it (a keyframe every 8 s), and from 30 min with one at least every 5 s, as is
usual in what is streamed; with one thread, by

    harness      harness.video.read, opening, indexing and all
    loop         the Hugging Face example: PyAV decodes everything (full size, no resizing)
    torchcodec   get_frames_at, exact mode, its own resizing    (where installed)
    decord       get_batch, its own resizing                    (where installed)
    floor        what no reader of these frames can do without: the packets on the way from each
                 keyframe to its last target, read and chosen beforehand, without the frames that no
                 other refers to; and one swscale pass for each target

Every measurement is a process of its own (imports are not timed, peak memory is its whole
resident set). The readers take turns, so that a slow minute of the machine hits all of them;
medians are shown. The clips are made once, in the system's temporary folder.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from benchmarks.clips import CLIPS, clip_file

SIZE, COUNTS = 336, (8, 32, 64)
READERS = ("harness", "loop", "torchcodec", "decord", "floor")


@dataclass(frozen=True)
class Cell:
    """One reader on one clip: medians of the seconds by the clock and by the processor (all of
    its threads), and of the peak memory in MB; ``runs`` are the single runs' seconds."""

    clip: str
    frames: int
    reader: str
    seconds: float
    cpu: float
    megabytes: float
    runs: tuple[float, ...]


def main() -> None:
    """Measures every cell and prints the table, or JSON lines."""
    parser = argparse.ArgumentParser(description="seconds to read frames, by reader")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--cpu", action="store_true", help="processor seconds, for a busy machine")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[], help="clips, counts, readers: 60s 8 floor")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        _child(*options.measure)
        return
    readers = [r for r in READERS if r in ("harness", "loop", "floor") or find_spec(r)]
    readers = [r for r in readers if r in options.only] or readers
    clips = [c for c in CLIPS if c in options.only] or list(CLIPS)
    counts = [n for n in COUNTS if str(n) in options.only] or COUNTS
    cells = [
        cell
        for clip in clips
        for frames in counts
        for cell in _cells(clip, frames, readers, options.repeats)
    ]
    if options.json:
        for cell in cells:
            print(json.dumps(asdict(cell)))
    else:
        print(_table(cells, readers, cpu=options.cpu))


def _cells(clip: str, frames: int, readers: list[str], repeats: int) -> list[Cell]:
    path = clip_file(clip, Path(tempfile.gettempdir()) / "harness-benchmarks")
    _warm(path)
    runs: dict[str, list[tuple[float, ...]]] = {reader: [] for reader in readers}
    for _ in range(repeats):
        for reader in readers:
            runs[reader].append(_measured(reader, path, frames))
    return [
        Cell(clip, frames, reader, *_medians(taken), tuple(round(run[0], 4) for run in taken))
        for reader, taken in runs.items()
    ]


def _warm(path: Path) -> None:
    """Brings the file into the page cache, a piece at a time: what this process holds would count
    into the peak memory of those that it starts."""
    with path.open("rb") as file:
        while file.read(1 << 20):
            pass


def _medians(runs: list[tuple[float, ...]]) -> tuple[float, float, float]:
    seconds, cpu, megabytes = (statistics.median(column) for column in zip(*runs, strict=True))
    return seconds, cpu, megabytes


def _measured(reader: str, path: Path, frames: int) -> tuple[float, ...]:
    command = [
        sys.executable,
        "-m",
        "benchmarks.decode",
        "--measure",
        reader,
        str(path),
        str(frames),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return tuple(map(float, done.stdout.split()))


def _child(reader: str, path: str, frames: str) -> None:
    """Runs one reader once, in this process, and prints its seconds, CPU seconds and megabytes."""
    import resource
    import time

    from benchmarks import readers

    read: Callable[[str, int], int] = readers.prepared(reader, path, int(frames), SIZE)
    start, busy = time.perf_counter(), time.process_time()
    read(path, int(frames))
    seconds, cpu = time.perf_counter() - start, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(seconds, cpu, peak / (1024 if sys.platform == "linux" else 1024**2))


def _table(cells: list[Cell], readers: list[str], *, cpu: bool) -> str:
    """Markdown: seconds, and peak MB in brackets; the last column is harness / floor."""
    rows = [f"| clip | frames | {' | '.join(readers)} | harness / floor |"]
    rows.append("|---|---:|" + "---:|" * (len(readers) + 1))
    for clip, frames in dict.fromkeys((cell.clip, cell.frames) for cell in cells):
        here = {c.reader: c for c in cells if (c.clip, c.frames) == (clip, frames)}
        took = {name: cell.cpu if cpu else cell.seconds for name, cell in here.items()}
        shown = [f"{took[r]:.3f} ({here[r].megabytes:.0f})" for r in readers]
        ratio = "–"
        if {"harness", "floor"} <= took.keys():
            ratio = f"{took['harness'] / took['floor']:.2f}"
        rows.append(f"| {clip} | {frames} | {' | '.join(shown)} | {ratio} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
