"""Which questions need the video: a run beside its controls."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path


def parser() -> argparse.ArgumentParser:
    """The words of ``harness need``."""
    made = argparse.ArgumentParser(prog="harness need", description=__doc__)
    made.add_argument("run", help="a run's folder or id, made with control=none")
    made.add_argument("--results", type=Path, default=Path("results"))
    return made


def main(argv: Sequence[str]) -> int:
    """Prints the profile and writes it into the run folder."""
    words = parser().parse_args(argv)

    from harness.report import need, runs, tables
    from harness.report.finding import run_named

    every, _ = runs.find(words.results)
    wishes = (lambda run: run.control == "none", lambda run: bool(need.controls_of(run, every)))
    run = run_named(words.run, words.results, wishes)
    found = need.profile(run, every)
    text, rows = need.markdown(found), need.rows(found)
    print(text)
    tables.write(run.folder / "need", text, rows, rows)
    return 0
