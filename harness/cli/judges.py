"""How far a run's judges, and people, agree; and the judged score as people correct it."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.report.runs import Run
    from harness.types import Estimate

FEW = 30
"""Verdicts below which an agreement, or a correction, is said to rest on few."""


def parser() -> argparse.ArgumentParser:
    """The words of ``harness judges``."""
    made = argparse.ArgumentParser(prog="harness judges", description=__doc__)
    made.add_argument(
        "runs", nargs="+", metavar="RUN", help="of the same responses, by folder or id"
    )
    made.add_argument("--value", default="accuracy", help="which score (accuracy)")
    made.add_argument("--people", type=Path, help="verdicts elsewhere than in the run's folder")
    made.add_argument("--results", type=Path, default=Path("results"))
    return made


def main(argv: Sequence[str]) -> int:
    """Prints a line for every two, and the corrected score where people gave verdicts."""
    words = parser().parse_args(argv)

    from harness.errors import RequestError
    from harness.names import several
    from harness.report.finding import judged, run_named
    from harness.run.journal import read_records
    from harness.run.judge_verdicts import agreements, corrected, labels, verdicts

    runs = [run_named(name, words.results, [judged]) for name in words.runs]
    folders, first = [run.folder for run in runs], runs[0]
    records = read_records(folders[0])
    found = {who: said for folder in folders for who, said in verdicts(folder).items()}
    if words.people is not None:
        found["people"] = labels(words.people, records)
    if not found:
        raise RequestError(f"{words.runs[0]}: no judge was asked, and no person gave verdicts")
    values = sorted({name for said in found.values() for each in said.values() for name in each})
    if words.value not in values:
        known = ", ".join(values) or "none"
        raise RequestError(f"--value {words.value}: nobody gave one; the verdicts are on {known}")
    videos = {record.key: record.video for record in records}
    pairs = agreements(found, words.value, videos)
    for pair in pairs:
        print(
            f"{pair.first} and {pair.second}: {100 * pair.same:.1f}% the same {pair.value}, "
            f"kappa {_said(pair.kappa)} over {several(pair.kappa.n, 'response')}"
            f"{_few(pair.kappa.n)}"
        )
    if "people" in found:
        estimate = corrected(records, found["people"], words.value, first.scorer)
        print(_corrected(first, words.value, estimate))
    elif not pairs:
        print(f"one judge alone ({', '.join(found)}): score the run by another, or label responses")
    return 0


def _corrected(run: Run, value: str, estimate: Estimate) -> str:
    """The corrected value beside the judge's own, in the unit that the run's metric of it has."""
    metric = run.summary.metrics.get(value)
    unit = metric.unit if metric else ""
    said = f"{value}, corrected by people: {_said(estimate, unit)}{_few(estimate.n)}"
    return f"{said}; as judged: {_said(metric.estimate, unit)}" if metric else said


def _few(verdicts: int) -> str:
    return f" (few: {FEW} or more say something)" if verdicts < FEW else ""


def _said(estimate: Estimate, unit: str = "") -> str:
    """A share in percent as in every table; else three digits; ``?`` for what is not known."""
    factor, digits = (100, 1) if unit == "%" else (1, 3)
    low, value, high = (
        "?" if math.isnan(x) else f"{factor * x:.{digits}f}"
        for x in (estimate.ci95[0], estimate.value, estimate.ci95[1])
    )
    return f"{value} [{low}, {high}]"
