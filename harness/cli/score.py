"""Scores a run's kept responses again: by its own scorer, or by another judge, without the model.

Another judge's scores are a run of their own beside it, with the id that `harness run judge=…`
would have given it: nothing is asked of the model again.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path


def parser() -> argparse.ArgumentParser:
    """The words of ``harness score``."""
    made = argparse.ArgumentParser(prog="harness score", description=__doc__)
    made.add_argument("run", help="a run's folder or id")
    made.add_argument(
        "judge", nargs="*", metavar="judge=NAME", help="another judge, and judge.KEY=VALUE"
    )
    made.add_argument("--results", type=Path, default=Path("results"))
    return made


def main(argv: Sequence[str]) -> int:
    """Prints the run's line; 1 when it is not complete."""
    words = parser().parse_args(argv)

    from harness.cli.result import result_line
    from harness.config import compose
    from harness.errors import RequestError
    from harness.report.finding import run_named
    from harness.report.rescore import judge_of, rescore

    strange = [word for word in words.judge if not word.startswith(("judge=", "judge."))]
    if strange:
        raise RequestError(f"{strange[0]}: write judge=NAME or judge.KEY=VALUE only")
    run = run_named(words.run, words.results)
    judge, settings = judge_of(run), (run.request.get("settings") or {}).get("judge")
    if words.judge:
        request = compose([f"task={run.task}", *words.judge])
        judge, settings = request.judge, request.settings["judge"]
    folder, summary = rescore(run, judge, settings, words.results)
    print(f"{result_line(summary.to_json())}\n{folder}")
    return 0 if summary.complete else 1
