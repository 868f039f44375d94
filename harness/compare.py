"""``python -m harness.compare``: runs against each other, or one run against the literature."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.report.command import ends


def main() -> int:
    """Prints the comparison and writes it as Markdown, CSV and JSON."""
    parser = argparse.ArgumentParser(prog="python -m harness.compare", description=__doc__)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="a run's folder, or its id")
    parser.add_argument("--paper", action="store_true", help="beside every published value")
    parser.add_argument("--as", dest="model", help="the model's published name (with --paper)")
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--out", type=Path, help="where to write, without ending")
    words = parser.parse_args()
    if words.paper == (len(words.runs) > 1):
        parser.error("compare two runs or more, or one run with --paper")

    from harness.report import compare, published, runs, tables

    found = [runs.resolve(name, words.results) for name in words.runs]
    out = words.out or words.results / ("paper" if words.paper else "compare")
    if words.paper:
        verdicts = published.against(found[0], words.model)
        text, rows = published.markdown(found[0], verdicts), published.rows(verdicts)
        tables.write(out, text, rows, rows)
    else:
        result = compare.compare(found)
        text = compare.markdown(result)
        tables.write(out, text, compare.rows(result), compare.as_data(result))
    print(text)
    return 0


if __name__ == "__main__":
    ends(main)
