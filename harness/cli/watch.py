"""A run's score so far, its speed and its failures, while it goes on."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path


def parser() -> argparse.ArgumentParser:
    """The words of ``harness watch``."""
    made = argparse.ArgumentParser(prog="harness watch", description=__doc__)
    made.add_argument("run", help="a run's folder, or its id")
    made.add_argument("--results", type=Path, default=Path("results"))
    made.add_argument("--every", type=float, default=10, metavar="SECONDS", help="default: 10")
    made.add_argument("--once", action="store_true", help="one line, and stop")
    return made


def main(argv: Sequence[str]) -> int:
    """Prints a line whenever something has changed, at least one a minute, until the run ends."""
    words = parser().parse_args(argv)

    import time

    from harness.errors import RequestError
    from harness.report import live
    from harness.report.finding import run_named

    if words.every <= 0:
        raise RequestError(f"--every {words.every:g}: a number of seconds above 0")
    folder = run_named(words.run, words.results).folder
    before, printed = None, 0.0
    while True:
        now = live.state(folder)
        changed = before is None or (now.answered, now.done) != (before.answered, before.done)
        if changed or time.monotonic() - printed >= 60:
            print(live.line(now, before), flush=True)
            printed = time.monotonic()
        if now.done or words.once:
            return 0
        before = now
        time.sleep(words.every)
