"""What a second worker process is worth: ``python -m benchmarks.workers [--json] [--repeats N]``.

The harness reads the frames of several clips (60 s of 720p, 64 frames, shortest edge 336) in one
worker process and in as many as there are cores, by the reader that runs use
(``harness.video.prefetch``). The processes are up, and have read a clip, when the clock starts. The
two take turns, medians are shown, and every frame of the one must equal the other's.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.clips import clip_file
from harness.errors import VideoError
from harness.video.prefetch import Prefetcher, ReadRequest
from harness.video.sampling import Sampling


def seconds(path: Path, frames: int, clips: int, workers: int) -> tuple[float, str]:
    """How long ``clips`` clips take, and a digest of all of their pixels."""
    digest = hashlib.sha256()
    ask = [ReadRequest(str(n), path, Sampling(frames=frames), size=336) for n in range(clips)]
    with Prefetcher(workers) as reader:
        for _ in reader.read(ask[:1] * workers):
            pass
        began = time.perf_counter()
        read = [clip for _, clip in reader.read(ask)]
        took = time.perf_counter() - began
    for clip in read:
        if isinstance(clip, VideoError):
            raise clip
        digest.update(clip[1].pixels)
    return took, digest.hexdigest()


def measured(path: Path, frames: int, clips: int, workers: int, repeats: int) -> dict[str, object]:
    """Medians of one worker and of ``workers``, in turns."""
    runs: dict[int, list[float]] = {1: [], workers: []}
    digests = set()
    for _ in range(repeats):
        for count, taken in runs.items():
            took, digest = seconds(path, frames, clips, count)
            taken.append(took)
            digests.add(digest)
    one, many = (statistics.median(taken) for taken in runs.values())
    return {
        "clip": path.stem,
        "frames": frames,
        "clips": clips,
        "workers": workers,
        "one_seconds": round(one, 3),
        "many_seconds": round(many, 3),
        "times_as_fast": round(one / many, 2),
        "frames_equal": len(digests) == 1,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, and prints a line of words or of JSON."""
    parser = argparse.ArgumentParser(description="clips read by one and by several processes")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--clip", type=Path, help="another video")
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--clips", type=int, default=6)
    parser.add_argument("--workers", type=int, default=max(2, os.cpu_count() or 2))
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args(arguments)
    if asked.workers < 2:
        parser.error(
            f"--workers {asked.workers}: one is what they are compared with; give 2 or more"
        )
    path = asked.clip or clip_file("60s", Path(tempfile.gettempdir()) / "harness-benchmarks")
    found = measured(path, asked.frames, asked.clips, asked.workers, asked.repeats)
    if asked.json:
        print(json.dumps(found))
        return
    equal = "equal" if found["frames_equal"] else "DIFFERENT"
    print(
        f"{found['clips']} × {found['frames']} frames of {found['clip']}: one worker "
        f"{found['one_seconds']} s, {found['workers']} workers {found['many_seconds']} s: "
        f"{found['times_as_fast']} times as fast; frames {equal}"
    )


if __name__ == "__main__":
    main()
