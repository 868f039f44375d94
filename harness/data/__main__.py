"""Fetch a benchmark's rows and videos, verify them, and say what is wrong with them."""

from __future__ import annotations

import argparse
import logging
import sys
from collections import Counter
from pathlib import Path

from harness.data import Source
from harness.errors import RequestError
from harness.report.command import ends

EPILOG = """examples:
  python -m harness.data videomme                 everything: resumable, each file verified
  python -m harness.data videomme limit=20        only the archives that 20 clips need
  python -m harness.data videomme --check         look at what is there; no network, no GPU
  python -m harness.data videomme data=/my/folder --check
"""


def main() -> int:
    """Prepares and checks the data a run would use. 0, or 1 when a video is not usable."""
    words, overrides = _parser().parse_known_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for noisy in ("httpx", "httpx2", "filelock"):
        logging.getLogger(noisy).setLevel(logging.WARNING)

    from harness.config import compose  # Hydra: --help does without
    from harness.watch import select

    request = compose([f"task={words.task}", *overrides])
    source = getattr(request.benchmark, "source", None)
    if not isinstance(source, Source):
        raise RequestError(f"task={words.task} has no harness.data.Source to prepare")
    if not words.check:
        clips = select(request.benchmark.clips(), request.limit)
        source.prepare(None if request.limit is None else [clip.video for clip in clips])
    clips = select(request.benchmark.clips(), request.limit)
    return _report(words.task, source, [clip.video for clip in clips], [c.subtitles for c in clips])


def _report(task: str, source: Source, videos: list[Path], subtitles: list[Path | None]) -> int:
    """Prints one line per unusable video, and the counts."""
    unique = list(dict.fromkeys(videos))
    found = source.check(unique)
    for problem in found:
        print(f"{problem.kind:<12} {problem.video}: {problem.detail}")
    kinds = Counter(problem.kind for problem in found)
    said = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    origin = " ".join(value[:19] for value in source.identity().values())
    with_subtitles = len(unique) - subtitles.count(None) if any(subtitles) else 0
    print(
        f"{task} ({origin}): {len(unique) - len(found)} of {len(unique)} videos usable"
        + (f" ({said})" if said else "")
        + (f", {with_subtitles} with subtitles" if with_subtitles else "")
    )
    return int(bool(found))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m harness.data",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.usage = "%(prog)s [--check] TASK [KEY=VALUE ...]"
    parser.add_argument("task", help="a task, as in task=TASK; then any KEY=VALUE of a run")
    parser.add_argument("--check", action="store_true", help="fetch nothing, only look")
    return parser


if __name__ == "__main__":
    ends(main)
