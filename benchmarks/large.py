"""A large benchmark with the fake model: ``python -m benchmarks.large [--questions 100000]``.

Rows are generated, three questions a clip (without a video; with ``--video`` all clips are seconds
of one small video). The commands are run as a user runs them, each in a process of its own: a run
that dies after 90% of its responses, the same again, once more when all is done, another model's
run, and every report. ``--folders`` run folders of 3,000 questions are written by the real journal
for the leaderboard (the first time it has to read all their records), and a small run is finished
beside them. Printed: seconds by the clock, seconds
of the processor (other work on the machine does not change them much) and peak memory, for a tenth
of the questions first: what is linear takes ten times as long for ten times as many.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from tabulate import tabulate

from benchmarks import reports
from harness.rows import Row
from harness.task import Task
from harness.types import Clip

TASK = """# @package _global_
task:
  _target_: {task}
  name: large
  source: {{_target_: harness.data.Source, repo: local/large, path: {folder}}}
  prompt:
    _target_: harness.prompts.PromptTemplate
    template: "Select the best answer.\\n{{question}}\\n{{options}}\\nAnswer:"
  scorer: {{_target_: harness.scoring.choice.ChoiceScorer}}
  breakdowns: [duration, task_type]
"""
PER_CLIP = 3
OPTIONS = ("a red car", "a blue truck", "a green bus", "a yellow van")


@dataclass(frozen=True)
class TextOnly(Task):
    """The same benchmark when nothing is shown: what is measured is the bookkeeping."""

    def clip(self, row: Row) -> Clip:
        """A clip without a video."""
        return Clip(str(row["video"]), None)


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large", description=__doc__)
    parser.add_argument("--questions", type=int, default=100_000)
    parser.add_argument("--folders", type=int, default=200, help="for the leaderboard")
    parser.add_argument("--video", action="store_true", help="show 1 frame of one small video")
    parser.add_argument("--json", action="store_true", help="also print one line of JSON, last")
    words = parser.parse_args(argv)
    rows: list[dict[str, Any]] = []
    for questions in (words.questions // 10, words.questions):
        with tempfile.TemporaryDirectory() as folder:
            rows += benchmark(Path(folder), questions, words.video)
    with tempfile.TemporaryDirectory() as folder:
        rows += many_folders(Path(folder), words.folders)
    print(tabulate(rows, "keys", "pipe", floatfmt=".1f"))
    if words.json:
        print(json.dumps(rows))
    return 0


def benchmark(folder: Path, questions: int, video: bool) -> list[dict[str, Any]]:
    """Every command over so many questions."""
    prepare(folder, questions, video)
    one, other = ("backend.rule=right:0.6", "backend.rule=right:0.7")
    kill = f"backend.crash_after={questions * 9 // 10}"
    asked = ("task=large", "backend=fake", "frames=1", "video.workers=0")
    found = [
        timed(folder, "run, killed at 90%", *asked, one, kill, fails=True),
        timed(folder, "resume", *asked, one),
        timed(folder, "again, when done", *asked, one),
        timed(folder, "another model's run", *asked, other),
        timed(folder, "plan of limit=1000", *asked, one, "limit=1000", "plan=true"),
    ]
    runs = sorted(str(path.parent) for path in (folder / "results").rglob("request.json"))
    if len(runs) != 2:
        raise SystemExit(f"{len(runs)} run folders were left, not 2")
    found += [
        timed(folder, "summary (score)", "score", runs[0]),
        timed(folder, "compare", "compare", *runs),
        timed(folder, "gate", "gate", "--ignore", "backend", *runs, fails=True),
        timed(folder, "audit", "audit", runs[0]),
        timed(folder, "leaderboard of 2", "leaderboard", "results"),
    ]
    return [{"step": row.pop("step"), "questions": f"{questions:,}", **row} for row in found]


def many_folders(folder: Path, folders: int) -> list[dict[str, Any]]:
    """The leaderboard over many run folders, and a small run that ends beside them."""
    prepare(folder, 30, video=False)
    for i in range(folders):  # ten settings of each model, of which the best is corrected
        share, frames = 0.5 + i / 1000, 8 + i % 10
        reports.write(folder / "results", f"m{i // 10}", 3000, share, frames=frames)
    asked = ("task=large", "backend=fake", "frames=1", "video.workers=0")
    found = [
        timed(folder, f"leaderboard of {folders}", "leaderboard", "results"),
        timed(folder, f"again, of {folders}", "leaderboard", "results"),
        timed(folder, f"30 questions beside {folders} runs", *asked),
    ]
    size = f"{3000 * folders:,}"
    return [{"step": row.pop("step"), "questions": size, **row} for row in found]


def timed(folder: Path, step: str, *words: str, fails: bool = False) -> dict[str, Any]:
    """One command in ``folder``: what it took, and how much it printed. Raises SystemExit where it
    ends as it should not; ``fails``: it may end with 1, or by the kill that it asks for."""
    before = time.perf_counter()
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as told:
        command = [sys.executable, "-m", "harness", *words]
        process = subprocess.Popen(command, cwd=folder, stdout=said, stderr=told)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - before
        printed = said.tell()
        told.seek(0)
        if process.returncode not in ((0, 1, -9) if fails else (0,)):
            raise SystemExit(f"{step}: exit code {process.returncode}\n{told.read().decode()}")
    cpu = used.ru_utime + used.ru_stime
    print(f"{step}: {seconds:.1f} s, {cpu:.1f} s of CPU", file=sys.stderr, flush=True)
    row: dict[str, Any] = {"step": step, "seconds": seconds, "CPU s": cpu}
    return row | {"peak MB": round(used.ru_maxrss / 1024), "KB printed": round(printed / 1024)}


def prepare(folder: Path, questions: int, video: bool) -> None:
    """Writes the rows, perhaps the video, and the task's YAML into the working folder."""
    data = folder / "data"
    (data / "videos").mkdir(parents=True)
    with (data / "rows.jsonl").open("w") as file:
        file.writelines(json.dumps(_row(i, video)) + "\n" for i in range(questions))
    if video:
        _write_video(data / "videos" / "one.mp4")
    configs = folder / "configs" / "task"
    configs.mkdir(parents=True)
    task = "harness.task.Task" if video else "benchmarks.large.TextOnly"
    (configs / "large.yaml").write_text(TASK.format(task=task, folder=data))


def _row(i: int, video: bool) -> dict[str, Any]:
    clip = i // PER_CLIP
    row: dict[str, Any] = {
        "id": f"{clip:06d}-{i % PER_CLIP}",
        "video": "one.mp4" if video else f"video{clip:06d}",
        "question": f"What is seen in part {i}?",
        "options": OPTIONS,
        "answer": "ABCD"[i * 7 % 4],
        "duration": ("short", "medium", "long")[clip % 3],
        "task_type": f"type {i % 12}",
    }
    if video:  # each clip a stretch of its own, so that there are as many clips
        row |= {"start": clip * 1e-6, "end": 1 + clip * 1e-6}
    return row


def _write_video(path: Path) -> None:
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=8, options={"threads": "1"})
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for shade in range(0, 240, 15):
            pixels = np.full((32, 32, 3), shade, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())


if __name__ == "__main__":
    raise SystemExit(main())
