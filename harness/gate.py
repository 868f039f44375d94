"""``python -m harness.gate BASELINE RUN``: exits 0 when the run is as good as its baseline."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from harness.report.command import ends


def main() -> int:
    """Prints the verdict and writes it as JUnit XML and Markdown; or writes a baseline."""
    words = _words()
    from harness.run.journal import write_atomically
    from harness.report import baseline, gate, runs

    *before, last = words.paths
    if words.update:
        run = runs.resolve(last, words.results)
        print(baseline.update(run, before[0] if before else None, words.results))
        return 0
    sides = baseline.read(before[0], words.results), baseline.read(last, words.results)
    rules = {"max_drop": words.max_drop / 100, "exact": words.exact, "ignore": words.ignore}
    checks = gate.check(*sides, **rules)
    text = gate.markdown(*sides, checks)
    write_atomically(words.junit, gate.junit(sides[1], checks))
    write_atomically(words.markdown, text)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with open(summary, "a", encoding="utf-8") as file:
            file.write(text + "\n")
    print(text)
    return int(not all(check.passed for check in checks))


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m harness.gate", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="[BASELINE] RUN")
    parser.add_argument("--update", action="store_true", help="make RUN the baseline")
    parser.add_argument("--max-drop", type=float, default=5.0, help="points; default 5")
    parser.add_argument("--exact", action="store_true", help="no answer may change")
    parser.add_argument("--ignore", action="append", default=[], help="a request field, e.g. video")
    parser.add_argument("--junit", type=Path, default=Path("gate.xml"))
    parser.add_argument("--markdown", type=Path, default=Path("gate.md"))
    parser.add_argument("--results", type=Path, default=Path("results"))
    words = parser.parse_args()
    if len(words.paths) > 2 or (len(words.paths) < 2 and not words.update):
        parser.error("name a baseline and a run (or --update and a run)")
    return words


if __name__ == "__main__":
    ends(main)
