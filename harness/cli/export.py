"""A run as a leaderboard takes it, or as a web page."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path


def parser() -> argparse.ArgumentParser:
    """The words of ``harness export``."""
    made = argparse.ArgumentParser(prog="harness export", description=__doc__)
    made.add_argument("format", choices=("videomme", "egoschema", "html"))
    made.add_argument("run", help="a run's folder, or its id")
    made.add_argument("--out", type=Path, help="the file to write; default: in the run folder")
    made.add_argument("--results", type=Path, default=Path("results"))
    return made


def main(argv: Sequence[str]) -> int:
    """Writes the file and prints its name; says how many questions have no answer in it."""
    words = parser().parse_args(argv)

    import json

    from harness.cli.ending import complain
    from harness.report import export, html
    from harness.report.finding import run_named
    from harness.run.journal import write_atomically

    run = run_named(words.run, words.results)
    if words.format == "videomme":
        name, text = "submission.json", json.dumps(export.videomme(run), indent=2) + "\n"
    elif words.format == "egoschema":
        rows = (f"{question},{answer}\n" for question, answer in export.egoschema(run))
        name, text = "submission.csv", "q_uid,answer\n" + "".join(rows)
    else:
        name, text = "report.html", html.page(run)
    out = words.out or run.folder / name
    write_atomically(out, text)
    if failed := export.unanswered(run):
        complain(f"{failed} questions failed: they are in {out} without an answer")
    print(out)
    return 0
