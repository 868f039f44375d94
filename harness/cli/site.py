"""The leaderboard and every run's page as a static site, to put on a project's pages."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path


def parser() -> argparse.ArgumentParser:
    """The words of ``harness site``."""
    made = argparse.ArgumentParser(prog="harness site", description=__doc__)
    made.add_argument("results", nargs="?", type=Path, default=Path("results"))
    made.add_argument("-o", "--out", type=Path, default=Path("site"), help="the folder to write")
    made.add_argument("--frames", action="store_true", help="pictures of the frames too")
    return made


def main(argv: Sequence[str]) -> int:
    """Writes the site and prints its first page. 0, or 1 when a run could not be read."""
    words = parser().parse_args(argv)

    from harness.cli.ending import complain
    from harness.errors import HarnessError, RequestError
    from harness.report import runs, site
    from harness.report.page import frames

    if not words.results.is_dir():
        raise RequestError(f"{words.results}: no such folder; name the one that holds the runs")
    found, complaints = runs.find(words.results)
    kept = []
    for run in found:
        try:
            _ = run.records, run.scorer
        except HarnessError as error:
            complaints.append(str(error))
            continue
        kept.append(run)
        if words.frames:
            try:
                problems = frames.write(run)
            except HarnessError as error:
                problems = [str(error)]
            for line in problems[:1]:
                complain(f"{run.folder}: no pictures of {len(problems)} videos: {line}")
    print(site.write(kept, words.out))
    for line in complaints:
        complain(line)
    return int(bool(complaints))
