"""``python -m harness.leaderboard``: every run, ranked; Markdown, CSV, JSON, LaTeX, figures."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.report.command import complain, ends


def main() -> int:
    """Prints the leaderboard and rewrites its files. 0, or 1 when a run could not be read."""
    parser = argparse.ArgumentParser(prog="python -m harness.leaderboard", description=__doc__)
    parser.add_argument("results", nargs="?", type=Path, default=Path("results"))
    parser.add_argument("--task", help="only this task")
    parser.add_argument("--plot", action="store_true", help="leaderboard.png and .svg too")
    words = parser.parse_args()

    from harness.run.journal import write_atomically
    from harness.report import figure, leaderboard, runs

    found, complaints = runs.find(words.results)
    if words.task:
        found = [run for run in found if run.task == words.task]
    print(leaderboard.markdown(found))
    if words.results.is_dir() and not words.task:
        leaderboard.write(words.results, found)
        write_atomically(words.results / "leaderboard.tex", figure.latex(found))
        for ending in (".png", ".svg") if words.plot else ():
            figure.plot(found, words.results / f"leaderboard{ending}")
    for line in complaints:
        complain(line)
    return int(bool(complaints))


if __name__ == "__main__":
    ends(main)
