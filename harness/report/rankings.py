"""Which runs stand in one ranking, in what order, and under which title."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from harness.report import tables
from harness.report.comparable import asked
from harness.report.runs import Run
from harness.report.summary import COUNTS
from harness.report.value import Value
from harness.run import journal
from harness.run.judge_files import judge_name
from harness.types import Estimate

MAIN_BREAKDOWN_SIZE = 8
"""A breakdown with more values than this would make the table too wide."""


def rankings(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Runs that may be compared, best first, under a title that says what sets them apart.

    A run in which nothing was scored has no place in a ranking.
    """
    groups: dict[str, list[Run]] = {}
    for run in runs:
        if run.summary.n or run.summary.unlabelled:
            groups.setdefault(json.dumps(asked(run), sort_keys=True), []).append(run)
    titled: dict[str, list[Run]] = {}
    first: dict[str, dict[str, Any]] = {}
    for key, members in sorted(groups.items(), key=_place):
        title, wanted = _title(members[0]), json.loads(key)
        if title in first:
            title += f" · {tables.short(journal.difference(wanted, first[title]), 120)}"
        while title in titled:
            title += "′"  # the differences are too long to print, and begin alike
        first.setdefault(title, wanted)
        titled[title] = sorted(members, key=lambda r: (-_sure(r), r.model, r.frames or 0, r.id))
    return titled


def _place(group: tuple[str, list[Run]]) -> tuple[str, bool, str]:
    """Under one title the runs that asked a model come before those that were scored again: what
    sets the latter apart is said of them."""
    key, members = group
    return _title(members[0]), all("scored_from" in run.request for run in members), key


def main_breakdown(members: Sequence[Run], run: Run) -> Mapping[str, Estimate]:
    """The benchmark's main breakdown of one run: its first that is narrow enough to print."""
    by = members[0].summary.by
    names = [name for name, parts in by.items() if 1 < len(parts) <= MAIN_BREAKDOWN_SIZE]
    return run.summary.part(names[0]) if names else {}


def _title(run: Run) -> str:
    usual = {"limit": None, "control": "none", "permute_options": 1, "repeats": 1}
    named = [(key, run.identity.get(key, value)) for key, value in usual.items()]
    unusual = [f"{key}={value}" for key, value in named if value != usual[key]]
    unusual += ["imported"] if run.identity.get("imported") else []
    judge = run.identity.get("judge")
    if isinstance(judge, Mapping):
        unusual.append(f"judge: {judge_name(run.request)}")
    return " · ".join([run.task, *unusual])


def _sure(run: Run) -> float:
    """What ranks a run, larger for better: its headline if all that was lost or is missing had the
    worst score (its bound); what an unbounded metric has, an incomplete run of it last."""
    summary = run.summary
    main: Value = summary.main
    value, sign = main.estimate.value, 1.0 if main.higher_is_better else -1.0
    if math.isnan(value):
        return -math.inf
    if run.complete and not summary.truncated:
        return sign * value
    if main.bounds is not None:
        value = main.bounds[0 if main.higher_is_better else 1]
    n = sum(getattr(summary, name) for name in COUNTS)  # askings, as `expected` counts them
    missing = max((summary.expected or 0) - n - summary.unlabelled, 0)
    if not missing:
        return sign * value
    return value * n / (n + missing) if main.higher_is_better else -math.inf
