"""Figures for a paper: all runs against frames and cost, or two runs by category."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path


def parser() -> argparse.ArgumentParser:
    """The words of ``harness plot``."""
    made = argparse.ArgumentParser(prog="harness plot", description=__doc__)
    made.add_argument("runs", nargs="*", metavar="RUN", help="two runs to compare by category")
    made.add_argument("--results", type=Path, default=Path("results"))
    made.add_argument("--task", help="only this task")
    made.add_argument("-o", "--out", type=Path, default=Path("plots"), help="the folder to write")
    made.add_argument("--format", default="svg,pdf,png", help="which of svg, pdf, png")
    return made


def main(argv: Sequence[str]) -> int:
    """Writes the figures and prints their names. 0, or 1 when a run could not be read or
    there was nothing to draw."""
    words = parser().parse_args(argv)

    from harness.cli.ending import complain
    from harness.errors import RequestError
    from harness.report import plots, runs
    from harness.report.finding import of_task, run_named

    endings = [ending.strip() for ending in words.format.split(",")]
    complaints: list[str] = []
    if words.runs:
        if len(words.runs) != 2:
            raise RequestError("plot: name two runs to compare by category, or none for all runs")
        first, second = (run_named(name, words.results) for name in words.runs)
        made = plots.write_categories(first, second, words.out, endings)
    else:
        if not words.results.is_dir():
            raise RequestError(f"{words.results}: no such folder; name it with --results")
        found, complaints = runs.find(words.results)
        made = plots.write(of_task(found, words.task), words.out, endings)
    for path in made:
        print(path)
    if not made:
        complain(f"nothing to plot: a figure needs two runs of one benchmark under {words.results}")
    for line in complaints:
        complain(line)
    return int(bool(complaints) or not made)
