"""What Ray costs over this machine's own workers: ``python -m benchmarks.runners [--json]``.

The built-in demo's clips by a model that says at once what it says, on two workers, here and on a
Ray cluster of this machine: seconds for a run of 6 clips, which is what starting takes, and what
each further clip of three questions adds: its video read, its records written. Runs where Ray is.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Literal

from harness.config import compose
from harness.run.loop import run

FEW, MANY = 6, 66


def seconds(runner: Literal["local", "ray"], clips: int, workers: int) -> float:
    """How long a whole run of so many clips takes."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["backend=fake", "backend.rule=hash", f"limit={clips}", f"results={folder}"]
        request = replace(compose([*words, "video.workers=1"]), runner=runner, workers=workers)
        began = time.perf_counter()
        outcome = run(request, lambda line: None, progress=False)
        took = time.perf_counter() - began
        if outcome.complaints or not Path(outcome.folder, "summary.json").exists():
            raise AssertionError(outcome.complaints)
    return took


def measured(workers: int) -> dict[str, dict[str, float]]:
    """By runner: seconds of a run of ``FEW`` clips, and for each clip more."""
    found: dict[str, dict[str, float]] = {}
    runners: tuple[Literal["local", "ray"], ...] = ("local", "ray")
    for runner in runners:
        few, many = (seconds(runner, clips, workers) for clips in (FEW, MANY))
        each = (many - few) / (MANY - FEW)
        found[runner] = {"few_clips": round(few, 2), "each_clip_more": round(each, 4)}
    return found


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    words = parser.parse_args()
    found = measured(words.workers)
    print(json.dumps(found) if words.json else "\n".join(f"{k:6} {v}" for k, v in found.items()))


if __name__ == "__main__":
    main()
