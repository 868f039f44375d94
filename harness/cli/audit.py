"""One run's score under every extractor and every way of counting."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path


def parser() -> argparse.ArgumentParser:
    """The words of ``harness audit``."""
    made = argparse.ArgumentParser(prog="harness audit", description=__doc__)
    made.add_argument("run", help="a run's folder or id; with --import, the file")
    made.add_argument("--import", dest="taken", action="store_true", help="take responses in")
    made.add_argument("--model", default="imported", help="whose responses (with --import)")
    made.add_argument("--task", default="videomme", help="which benchmark (with --import)")
    made.add_argument("--extractor", default="videomme", help="read how (with --import)")
    made.add_argument("--counted", default="answered", help="over which (with --import)")
    for new, old in (("extractor", "--reader"), ("counted", "--denominator")):  # earlier names
        made.add_argument(old, dest=new, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    made.add_argument("--all", action="store_true", help="list every disagreement")
    made.add_argument("--results", type=Path, default=Path("results"))
    return made


def main(argv: Sequence[str]) -> int:
    """Prints the audit and writes it into the run folder; with --import reads responses first."""
    words = parser().parse_args(argv)

    from harness.report import audit, imported, tables
    from harness.report.finding import run_named

    if words.taken:
        rules = {name: getattr(words, name) for name in ("model", "task", "extractor", "counted")}
        run = imported.take_in(Path(words.run), words.results, **rules)
    else:
        run = run_named(words.run, words.results)
    result = audit.audit(run)
    text = audit.markdown(run, result, None if words.all else audit.MOST)
    print(f"{text}\n{run.folder}")
    tables.write(run.folder / "audit", text, audit.rows(result), audit.as_data(result))
    return 0
