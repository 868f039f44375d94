"""``python -m harness.audit RUN``: one run's score under every reader and every denominator."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.report.command import ends


def main() -> int:
    """Prints the audit and writes it into the run folder; with --import reads answers in first."""
    parser = argparse.ArgumentParser(prog="python -m harness.audit", description=__doc__)
    parser.add_argument("run", help="a run's folder or id; with --import, the file")
    parser.add_argument("--import", dest="taken", action="store_true", help="take answers in")
    parser.add_argument("--model", default="imported", help="whose answers (with --import)")
    parser.add_argument("--task", default="videomme", help="which benchmark (with --import)")
    parser.add_argument("--reader", default="videomme", help="scored how (with --import)")
    parser.add_argument("--denominator", default="answered", help="over what (with --import)")
    parser.add_argument("--results", type=Path, default=Path("results"))
    words = parser.parse_args()

    from harness.report import audit, imported, runs, tables

    if words.taken:
        rules = {name: getattr(words, name) for name in ("model", "task", "reader", "denominator")}
        run = imported.take_in(Path(words.run), words.results, **rules)
    else:
        run = runs.resolve(words.run, words.results)
    result = audit.audit(run)
    text = audit.markdown(run, result)
    tables.write(run.folder / "audit", text, audit.rows(result), audit.as_data(result))
    print(f"{text}\n{run.folder}")
    return 0


if __name__ == "__main__":
    ends(main)
