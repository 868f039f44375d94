"""Estimates over several runs, kept beside them: a leaderboard that is written at every run's end
must not read the records of all runs each time."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

from harness.errors import JournalError
from harness.report.runs import Run
from harness.run.journal import read_json, write_atomically
from harness.types import Estimate

RULE = 1
"""To be raised with any change in how such an estimate is made: kept ones are then made again."""

FILE = ".estimates.json"


def remembered(
    name: str, runs: Sequence[Run], make: Callable[[], Estimate | None]
) -> Estimate | None:
    """What ``make`` returns for these runs, from the first run's folder while no summary.json has
    been written since. A folder that cannot be written to only costs the time."""
    path = runs[0].folder / FILE
    try:
        of = [RULE, *(_stamp(run) for run in runs)]
    except OSError:  # no summary.json: nothing to know a change by
        return make()
    kept = _read(runs[0])
    if name in kept and kept[name].get("of") == of:
        return _estimate(kept[name]["estimate"])
    found = make()
    try:
        kept[name] = {"of": of, "estimate": None if found is None else _plain(found)}
        write_atomically(path, json.dumps(kept) + "\n")
    except JournalError:
        pass
    return found


def _stamp(run: Run) -> list[Any]:
    found = (run.folder / "summary.json").stat()
    return [run.id, found.st_mtime_ns, found.st_size]


def _read(run: Run) -> dict[str, Any]:
    try:
        kept = read_json(run.folder / FILE)
        return {name: found for name, found in kept.items() if isinstance(found, dict)}
    except JournalError:
        return {}


def _plain(found: Estimate) -> list[float | None]:
    values = (found.value, *found.ci95, found.n, found.clusters)
    return [value if math.isfinite(value) else None for value in values]


def _estimate(plain: Sequence[float | None] | None) -> Estimate | None:
    if plain is None:
        return None
    value, low, high = (math.nan if given is None else given for given in plain[:3])
    return Estimate(value, (low, high), int(plain[3] or 0), int(plain[4] or 0))
