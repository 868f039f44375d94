"""Verdicts of your own on a judged run's responses, drawn at random, in the terminal.

They are kept in the run's folder as labels.jsonl; `harness judges RUN` holds the judge against
them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path


def parser() -> argparse.ArgumentParser:
    """The words of ``harness label``."""
    made = argparse.ArgumentParser(prog="harness label", description=__doc__)
    made.add_argument("run", help="a run's folder or id")
    made.add_argument("-n", type=int, default=50, help="how many responses (50)")
    made.add_argument("--seed", type=int, default=0, help="which ones are drawn (0)")
    made.add_argument("--results", type=Path, default=Path("results"))
    return made


def main(argv: Sequence[str]) -> int:
    """Asks until all are answered, or "q"."""
    words = parser().parse_args(argv)

    from harness.errors import RequestError
    from harness.names import several
    from harness.report.finding import judged, run_named
    from harness.run.journal import read_records
    from harness.run.judge_verdicts import LABELS, label, to_label
    from harness.scoring.judge_slots import Bounded

    if words.n < 1:
        raise RequestError(f"-n {words.n}: write how many responses you want to see, 1 or more")
    run = run_named(words.run, words.results, [judged])
    scorer = run.task_object.scorer
    if not isinstance(scorer, Bounded):
        raise RequestError(f"{words.run}: its answers are scored by a rule; there is no judge")
    records = to_label(read_records(run.folder), words.n, words.seed)
    if not records:
        raise RequestError(f"{words.run}: no response has a judge's score yet")
    file = run.folder / LABELS
    answered = label(records, scorer, file, ask=_ask, tell=print)
    print(f"{several(answered, 'verdict')} written to {file}" if answered else "no verdict given")
    return 0


def _ask(question: str) -> str:
    """The line that is typed; "q" at the end of the input, so that nothing given is lost."""
    try:
        return input(question)
    except EOFError:
        return "q"
