"""What reading the moments of one file together saves: ``python -m benchmarks.moments``.

OVO-Bench asks at many moments of a file, each time of all that was shown up to then. Clips from a
file's start to moments spread evenly over its last nine tenths, 8 frames each (``linspace``,
shortest edge 336), read each by itself and by one pass; one thread, in this process, after one clip
has been read (the file is known then). Processor seconds, means of ``--repeats``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.clips import CLIPS, clip_file
from harness.video import seeking_reader
from harness.video.clip_reading import ReadClip, ReadRequest, look, look_together
from harness.video.sampling import Sampling


def main() -> None:
    """Prints one row a clip and number of moments."""
    parser = argparse.ArgumentParser(description="processor seconds to read a file's moments")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=["60s", "30min-5s"], choices=list(CLIPS))
    parser.add_argument("--moments", nargs="*", type=int, default=[2, 5, 10])
    options = parser.parse_args()
    print("| file | moments | apart, CPU s | together, CPU s | decoded apart | together | equal |")
    print("|---|---:|---:|---:|---:|---:|---|")
    for name in options.only:
        path = clip_file(name, Path(tempfile.gettempdir()) / "harness-benchmarks")
        for count in options.moments:
            print(_row(name, path, count, options.repeats), flush=True)


def _row(name: str, path: Path, count: int, repeats: int) -> str:
    shape = CLIPS[name]
    seconds = shape.seconds * shape.repeats
    requests = [
        ReadRequest(f"{end:g}", path, Sampling(frames=8), (0.0, float(end)), size=336)
        for end in np.linspace(seconds / 10, seconds, count)
    ]
    look(requests[0])
    decoded = _counting()
    took = {"apart": 0.0, "together": 0.0}
    for _ in range(repeats):
        start = time.process_time()
        apart = [look(request) for request in requests]
        middle, alone = time.process_time(), decoded.pop()
        together = look_together(requests, [_memory] * count)
        took["together"] += time.process_time() - middle
        took["apart"] += middle - start
        shared = decoded.pop()
    cells = [f"{took[way] / repeats:.2f}" for way in ("apart", "together")]
    if together is None:
        cells[1], equal = "not worth it: apart", "–"
    else:
        equal = "yes" if all(map(_same, apart, together)) else "NO"
    return f"| {' | '.join([name, str(count), *cells, str(alone), str(shared), equal])} |"


class _Count:
    frames = 0

    def pop(self) -> int:
        """How many since it was last asked."""
        found, self.frames = self.frames, 0
        return found


def _counting() -> _Count:
    """Counts the frames that decoders give."""
    count, real = _Count(), seeking_reader._sound

    def sound(frames: list) -> list:  # type: ignore[type-arg]
        count.frames += len(frames)
        return real(frames)

    seeking_reader._sound = sound
    return count


def _memory(shape: tuple[int, ...]) -> np.ndarray:
    return np.empty(shape, np.uint8)


def _same(one: ReadClip, other: ReadClip) -> bool:
    return bool(np.array_equal(one[1].pixels, other[1].pixels))


if __name__ == "__main__":
    main()
