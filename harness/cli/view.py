"""A run as a page with the frames that the model saw; two runs side by side."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.report.runs import Run


def parser() -> argparse.ArgumentParser:
    """The words of ``harness view``."""
    made = argparse.ArgumentParser(prog="harness view", description=__doc__)
    made.add_argument("run", help="a run's folder, or its id")
    made.add_argument("second", nargs="?", help="another run, shown beside it")
    made.add_argument("--results", type=Path, default=Path("results"))
    made.add_argument("--out", type=Path, help="the page; default: in the (first) run's folder")
    made.add_argument("--no-frames", action="store_true", help="make no pictures of the frames")
    made.add_argument("--no-open", action="store_true", help="only write it, open no browser")
    return made


def main(argv: Sequence[str]) -> int:
    """Writes the page and prints its name. 0, also when some pictures could not be made (said)."""
    words = parser().parse_args(argv)

    from harness.report import html
    from harness.report.finding import run_named
    from harness.run.journal import write_atomically

    run = run_named(words.run, words.results)
    second = run_named(words.second, words.results) if words.second else None
    out = words.out or run.folder / (f"beside-{second.id}.html" if second else "report.html")
    if not words.no_frames:
        for shown in filter(None, (run, second)):
            _frames(shown, out)
    write_atomically(out, html.page(run, second, _others(run, words.results)))
    print(out)
    if not words.no_open:
        _open(out)
    return 0


def _others(run: Run, results: Path) -> list[Run]:
    """The runs of the same task, for the controls."""
    from harness.report import runs

    folder = run.folder.parent if not results.is_dir() else results / run.task
    return [other for other in runs.find(folder)[0] if other.id != run.id]


def _frames(run: Run, out: Path) -> None:
    """The pictures; where they cannot be made one line says why, and the page shows times."""
    import sys

    from harness.cli.ending import complain
    from harness.errors import HarnessError
    from harness.report.page import frames

    def tell(done: int, of: int) -> None:
        if of and sys.stderr.isatty():
            print(
                f"\rframes of {done} of {of} clips", end="\n" if done == of else "", file=sys.stderr
            )

    try:
        problems = frames.write(run, out.parent, tell)
    except HarnessError as error:
        problems = [str(error)]
    for line in problems[:5]:
        complain(f"no pictures of {line}" if ":" in line else line)
    if len(problems) > 5:
        complain(f"and of {len(problems) - 5} more")


def _open(page: Path) -> None:
    """In the browser, where there is one to open."""
    import os
    import sys
    import webbrowser

    if sys.stdout.isatty() and (sys.platform != "linux" or os.environ.get("DISPLAY")):
        webbrowser.open(page.resolve().as_uri())
