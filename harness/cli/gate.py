"""A run against its baseline: exits 0 when it is as good, else 1."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.report.baseline import Side
    from harness.report.gate_rules import Check, Rules


def parser() -> argparse.ArgumentParser:
    """The words of ``harness gate``."""
    made = argparse.ArgumentParser(prog="harness gate", description=__doc__)
    made.add_argument(
        "paths", nargs="+", metavar="[BASELINE] RUN",
        help="a run; with --sequential KEY=VALUE … too, which is run as far as needed",
    )  # fmt: skip
    made.add_argument("--update", action="store_true", help="make RUN the baseline")
    made.add_argument(
        "--max-drop", type=float, metavar="POINTS",
        help="of the headline, as printed: percent, or its own unit; default: 5%% of its scale",
    )  # fmt: skip
    made.add_argument("--alpha", type=float, default=0.05, help="how often chance may fail a test")
    made.add_argument(
        "--tolerance", action="append", default=[], metavar="PART=POINTS",
        help="what one part may drop: 'task_type: Order=3'",
    )  # fmt: skip
    made.add_argument(
        "--waive", action="append", default=[], metavar="'CHECK=DATE REASON'",
        help="a check or part that may fail until a day, and why",
    )  # fmt: skip
    made.add_argument(
        "--sequential", action="store_true",
        help="look at clips in a fixed random order, and stop as soon as the verdict is sure",
    )  # fmt: skip
    made.add_argument("--exact", action="store_true", help="no answer may change")
    made.add_argument("--ignore", action="append", default=[], help="a request field, e.g. video")
    made.add_argument("--junit", type=Path, metavar="FILE", help="write the verdict as JUnit XML")
    made.add_argument("--markdown", type=Path, metavar="FILE", help="write it as Markdown")
    made.add_argument("--results", type=Path, default=Path("results"))
    return made


def main(argv: Sequence[str]) -> int:
    """Prints the verdict, and writes it where asked; or writes a baseline."""
    words = parser().parse_intermixed_args(argv)

    from harness.errors import RequestError
    from harness.report import baseline, early, gate
    from harness.report.finding import run_named

    named = [Path(word) for word in words.paths if "=" not in word]
    settings = [word for word in words.paths if "=" in word] if words.sequential else []
    named += [Path(word) for word in words.paths if "=" in word and not settings]
    if len(named) != (1 if settings else 2) and not (words.update and len(named) == 1):
        raise RequestError("gate: name a baseline and a run, or --update and a run")
    if settings:
        return _shown(words, *_asked_early(words, named[0], settings))
    *before, last = named
    if words.update:
        made = run_named(last, words.results)
        print(baseline.update(made, before[0] if before else None, words.results))
        return 0
    base = baseline.read(before[0], words.results)
    rules = _rules(words, base)
    run = _like(base, last, words.results, words.ignore)
    checks = (early.check if words.sequential else gate.check)(base, run, rules)
    return _shown(words, base, run, checks)


def _asked_early(
    words: argparse.Namespace, path: Path, settings: Sequence[str]
) -> tuple[Side, Side, list[Check]]:
    """Runs a request until the gate knows enough."""
    from harness.config import compose
    from harness.report import baseline, early, runs
    from harness.run import loop

    base = baseline.read(path, words.results)
    rules = _rules(words, base)
    request = compose([*settings, f"results={words.results}"])
    stopper = early.Stopper(early.Early(base, rules), request.benchmark)
    outcome = loop.run(request, stopping=stopper)
    run = baseline.side_of(runs.load(outcome.folder))
    return base, run, early.check(base, run, rules)


def _shown(words: argparse.Namespace, base: Side, run: Side, checks: Sequence[Check]) -> int:
    """Prints the verdict and writes it where asked; the exit code."""
    from harness.report import gate_verdict
    from harness.run.journal import write_atomically

    text = gate_verdict.markdown(base, run, checks)
    if words.junit:
        write_atomically(words.junit, gate_verdict.junit(run, checks))
    if words.markdown:
        write_atomically(words.markdown, text)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with open(summary, "a", encoding="utf-8") as file:
            file.write(text + "\n")
    print(text)
    return int(not all(check.passed for check in checks))


def _rules(words: argparse.Namespace, base: Side) -> Rules:
    """What the command line lets through, from the headline's unit as it is printed to its own
    scale: points of a percentage are hundredths. Raises RequestError."""
    from harness.errors import RequestError
    from harness.report.gate_rules import Rules, Waiver

    scale = 100 if base.headline.unit == "%" else 1
    tolerances = {}
    for word in words.tolerance:
        part, _, points = word.rpartition("=")
        try:
            tolerances[part.strip()] = float(points) / scale
        except ValueError as error:
            raise RequestError(f"--tolerance {word!r}: write PART=POINTS") from error
    return Rules(
        max_drop=None if words.max_drop is None else words.max_drop / scale,
        alpha=words.alpha,
        exact=words.exact,
        ignore=tuple(words.ignore),
        tolerances=tolerances,
        waivers=tuple(Waiver.read(word) for word in words.waive),
    )


def _like(base: Side, name: Path, results: Path, ignore: Sequence[str]) -> Side:
    """The run of this name; where there are several, the one asked as the baseline was."""
    from harness.report import baseline
    from harness.report.finding import run_named
    from harness.report.gate_request import compared

    if name.suffix == ".json":
        return baseline.read(name, results)
    wanted = compared(base.identity, ignore)
    alike = (
        lambda run: str(run.folder) != base.label,
        lambda run: compared(run.identity, ignore) == wanted,
    )
    return baseline.side_of(run_named(name, results, alike))
