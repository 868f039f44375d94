"""Runs against each other; or one run (--paper) beside every published value: those of papers and,
where there is a network, the rows of the hub's leaderboard of the benchmark."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.report.published import Published
    from harness.report.runs import Run

    Compared = tuple[str, list[dict[str, Any]], Any]


def parser() -> argparse.ArgumentParser:
    """The words of ``harness compare``."""
    made = argparse.ArgumentParser(prog="harness compare", description=__doc__)
    made.add_argument("runs", nargs="+", metavar="RUN", help="a run's folder, id or model")
    made.add_argument("--paper", action="store_true", help="beside every published value")
    made.add_argument("--as", dest="model", help="the model's published name (with --paper)")
    made.add_argument("--all", action="store_true", help="list every question that changed")
    made.add_argument("--results", type=Path, default=Path("results"))
    made.add_argument("--out", type=Path, help="where to write, without ending")
    return made


def main(argv: Sequence[str]) -> int:
    """Prints the comparison and writes it as Markdown, CSV and JSON."""
    words = parser().parse_args(argv)

    from harness.errors import RequestError
    from harness.report import tables
    from harness.report.finding import runs_named

    if words.paper and len(words.runs) > 1:
        raise RequestError("compare --paper: name one run; it is held against what was published")
    if not words.paper and len(words.runs) < 2:
        raise RequestError("compare: name two runs or more, or one run with --paper")
    found = runs_named(words.runs, words.results)
    for name, run in zip(words.runs, found, strict=True):
        if not Path(name).exists():  # a model's name may mean any of several runs
            print(f"{name}: {run.folder}")
    out = words.out or words.results / ("paper" if words.paper else "compare")
    text, rows, data = (
        _with_paper(found[0], words.model) if words.paper else _with_another(found, words.all)
    )
    print(text)  # first: a folder that cannot be written to costs the files alone
    print(tables.write(out, text, rows, data)[-1])
    return 0


def _with_paper(run: Run, model: str | None) -> Compared:
    from harness.report import published

    more = _hub_rows(run)
    verdicts = published.against(run, as_published(model, more) if model else None, more)
    rows = published.rows(verdicts)
    return published.markdown(run, verdicts), rows, rows


def _hub_rows(run: Run) -> list[Published]:
    """What the leaderboard of the benchmark's data set on the hub says now; a line says why where
    it says nothing."""
    from harness.cli.ending import complain
    from harness.errors import DataError
    from harness.report import hub_board, published
    from harness.report.publish import facts

    dataset = facts.data_set(run)
    if not dataset:
        return []
    try:
        return hub_board.rows(dataset, published.benchmark_of(run))
    except DataError as error:
        complain(f"no rows of the hub's leaderboard of {dataset}: {error}")
        return []


def as_published(name: str, more: Sequence[Published] = ()) -> str:
    """A model's name as it was published, whatever capitals it is given in."""
    from harness.report.published import published

    known = {value.model.lower(): value.model for value in (*published(), *more)}
    return known.get(name.lower(), name)


def _with_another(runs: Sequence[Run], every: bool) -> Compared:
    from harness.report import compare, compared

    result = compare.compare(runs)
    text = compared.markdown(result, None if every else compared.MOST)
    return text, compared.rows(result), compared.as_data(result)
