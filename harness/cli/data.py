"""Fetch a benchmark's rows and videos, verify them, and say what is wrong with them."""

from __future__ import annotations

import argparse
import logging
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.completion import add_settings
from harness.names import several

if TYPE_CHECKING:
    from harness.data import Source
    from harness.types import Clip

EPILOG = """examples:
  harness data videomme                 everything: resumable, each file verified
  harness data videomme limit=20        only the archives that 20 clips need
  harness data videomme --check         look at what is there; no network, no GPU
  harness data videomme data=/my/folder --check
"""


def parser() -> argparse.ArgumentParser:
    """The words of ``harness data``."""
    made = argparse.ArgumentParser(
        prog="harness data",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("task", nargs="?", metavar="TASK", help="a task, as in task=TASK")
    add_settings(made)
    made.add_argument("--check", action="store_true", help="fetch nothing, only look")
    return made


def main(argv: Sequence[str]) -> int:
    """Prepares and checks the data a run would use. 0, or 1 when a video is not usable."""
    words = parser().parse_intermixed_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for noisy in ("httpx", "httpx2", "filelock"):
        logging.getLogger(noisy).setLevel(logging.WARNING)

    from harness.config import compose
    from harness.data import Source
    from harness.data.network import untouched
    from harness.errors import RequestError
    from harness.subset import select

    task, settings = _named(words)
    request = compose([f"task={task}", *settings])
    source = request.benchmark.source
    if not isinstance(source, Source):
        raise RequestError(f"task={task} has no harness.data.Source to prepare")
    with untouched() if words.check else nullcontext():
        clips = select(request.benchmark.clips(), request.limit)
        if not words.check:
            source.prepare(None if request.limit is None else _videos(clips))
            clips = select(request.benchmark.clips(), request.limit)  # with the fetched paths
        return _report(task, source, _videos(clips), [clip.subtitles for clip in clips])


def _named(words: argparse.Namespace) -> tuple[str, list[str]]:
    """The task, named by itself or as task=TASK, and the other settings. Raises RequestError."""
    from harness.errors import RequestError

    given = [words.task, *words.settings] if words.task else []
    names = [word.removeprefix("task=") for word in given if "=" not in word]
    names += [word.removeprefix("task=") for word in given if word.startswith("task=")]
    if len(names) != 1:
        raise RequestError(
            f"harness data: name one task, not {len(names)}: harness data videomme "
            "(harness --help task says which there are)"
        )
    return names[0], [word for word in given if "=" in word and not word.startswith("task=")]


def _videos(clips: Sequence[Clip]) -> list[Path]:
    return [clip.video for clip in clips if clip.video is not None]


def _report(task: str, source: Source, videos: Sequence[Path], subtitles: list[Path | None]) -> int:
    """Prints one line per unusable video, and the counts."""
    unique = list(dict.fromkeys(videos))
    found = source.check(unique)
    for problem in found:
        print(f"{problem.kind:<12} {problem.video}: {problem.detail}")
    kinds = Counter(problem.kind for problem in found)
    said = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    identity = source.identity()
    parts = (identity[key] for key in ("rows", "repo", "revision") if key in identity)
    origin = " ".join(part[:19] for part in parts)
    with_subtitles = len(unique) - subtitles.count(None) if any(subtitles) else 0
    print(
        f"{task} ({origin}): {len(unique) - len(found)} of {several(len(unique), 'video')} usable"
        + (f" ({said})" if said else "")
        + (f", {with_subtitles} with subtitles" if with_subtitles else "")
    )
    return int(bool(found))
