"""Every run, ranked per protocol; Markdown, CSV, LaTeX, figures."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path


def parser() -> argparse.ArgumentParser:
    """The words of ``harness leaderboard``."""
    made = argparse.ArgumentParser(prog="harness leaderboard", description=__doc__)
    made.add_argument("results", nargs="?", type=Path, default=Path("results"))
    made.add_argument("--task", help="only this task")
    made.add_argument("--plot", action="store_true", help="figures too, in the folder plots")
    return made


def main(argv: Sequence[str]) -> int:
    """Prints the leaderboard and rewrites its files. 0, or 1 when a run could not be read.

    Raises RequestError where there is no such folder."""
    words = parser().parse_args(argv)

    from harness.cli.ending import complain
    from harness.errors import RequestError
    from harness.report import figure, leaderboard, plots, runs
    from harness.report.finding import of_task
    from harness.run.journal import write_atomically

    if not words.results.is_dir():
        raise RequestError(f"{words.results}: no such folder; name the one that holds the runs")
    found, complaints = runs.find(words.results)
    print(leaderboard.markdown(of_task(found, words.task)))
    if not words.task:
        leaderboard.write(words.results, found)
        write_atomically(words.results / "leaderboard.tex", figure.latex(found))
        if words.plot:
            plots.write(found, words.results / "plots")
    for line in complaints:
        complain(line)
    return int(bool(complaints))
