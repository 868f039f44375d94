"""``python -m harness.export FORMAT RUN``: a run as a leaderboard takes it, or as a web page."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.report.command import complain, ends


def main() -> int:
    """Writes the file and prints its name; says how many questions have no answer in it."""
    parser = argparse.ArgumentParser(prog="python -m harness.export", description=__doc__)
    parser.add_argument("format", choices=("videomme", "egoschema", "html"))
    parser.add_argument("run", help="a run's folder, or its id")
    parser.add_argument("--out", type=Path, help="the file to write; default: in the run folder")
    parser.add_argument("--results", type=Path, default=Path("results"))
    words = parser.parse_args()

    import json

    from harness.run.journal import write_atomically
    from harness.report import export, html, runs

    run = runs.resolve(words.run, words.results)
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


if __name__ == "__main__":
    ends(main)
