"""All runs, ranked: one table per task and protocol, never two protocols in one ranking."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import stats
from harness.run.journal import difference
from harness.report import tables
from harness.report.runs import Run
from harness.report.summary import score_of
from harness.report.tables import percent
from harness.types import Estimate

if TYPE_CHECKING:
    import pandas as pd

MAIN_BREAKDOWN_SIZE = 8
"""A breakdown with more values than this would make the table too wide."""

LEGEND = """\
Accuracy in percent ± half of its 95% interval, clustered by video. **Best** of its column;
`=`: the best lies within this row's own interval (`python -m harness.compare` tests the paired
difference). Incomplete runs are ranked by what they are sure to reach.
"""


def rankings(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Runs that may be compared, best first, under a title that says what sets them apart."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(json.dumps(asked(run), sort_keys=True), []).append(run)
    titled: dict[str, list[Run]] = {}
    first: dict[str, dict[str, Any]] = {}
    for key, members in sorted(groups.items(), key=lambda item: (_title(item[1][0]), item[0])):
        title, wanted = _title(members[0]), json.loads(key)
        if title in first:
            title += f" · {tables.short(difference(wanted, first[title]), 120)}"
        while title in titled:
            title += "′"  # the differences are too long to print, and begin alike
        first.setdefault(title, wanted)
        titled[title] = sorted(members, key=lambda r: (-_sure(r), r.model, r.frames or 0, r.id))
    return titled


def asked(run: Run) -> dict[str, Any]:
    """What must agree for two scores to be comparable: everything but the model and its frames."""
    keys = ("task", "protocol", "data", "limit", "control", "permute_options")
    return {key: run.identity.get(key) for key in keys}


def figures(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """One row per run in numbers (accuracies 0..1), best first within its ranking."""
    rows = []
    for title, members in rankings(runs).items():
        for rank, run in enumerate(members, start=1):
            kept = ("n", "accuracy", "half_width", "scored", "unread", "failed", "seconds")
            row = {"ranking": title, "rank": rank, "model": run.model, "frames": run.frames}
            row |= {key: run.summary.get(key) for key in kept} | {"complete": run.complete}
            for value, part in main_breakdown(members, run).items():
                row |= {value: part["accuracy"], f"{value} half_width": part["half_width"]}
            if gain := visual_gain(run, runs):
                row |= {"visual gain": gain.value, "visual gain half_width": gain.half_width}
            rows.append(row | {"run": run.id})
    return rows


def table(runs: Sequence[Run]) -> pd.DataFrame:
    """The leaderboard as people read it: formatted cells, best first, one ranking after another."""
    rows = [
        {"task": title, **row}
        for title, members in rankings(runs).items()
        for row in cells(members, runs)
    ]
    return tables.frame(rows).fillna("")


def cells(members: Sequence[Run], runs: Sequence[Run] = ()) -> list[dict[str, Any]]:
    """One ranking's formatted rows; ``runs`` are searched for blank controls."""
    gains = {run.id: visual_gain(run, runs) for run in members}
    rows = []
    for run in members:
        summary = run.summary
        row: dict[str, Any] = {
            "model": run.model + ("" if run.complete else " (incomplete)"),
            "frames": "?" if run.frames is None else run.frames,
            "n": summary["n"],
            "accuracy": percent(summary["accuracy"], summary["half_width"]),
        }
        for value, part in main_breakdown(members, run).items():
            row[value] = percent(part["accuracy"], part["half_width"])
        if any(gains.values()):
            gain = gains[run.id]
            row["visual gain"] = percent(gain.value, gain.half_width, signed=True) if gain else ""
        row |= {"unread": summary["unread"], "failed": summary["failed"]}
        rows.append(row | {"seconds": f"{summary['seconds']:.1f}", "run": run.id})
    return rows


def visual_gain(run: Run, runs: Sequence[Run]) -> Estimate | None:
    """Score minus that of the same run shown blank frames, paired; None without such a run."""
    if run.control != "none":
        return None
    wanted = run.identity | {"control": "blank"}
    for other in runs:
        if other.control == "blank" and other.identity == wanted:
            blank, seen = (
                {r.question: score_of(r) for r in x.records if r.status != "failed"}
                for x in (other, run)
            )
            return stats.paired(blank, seen, {r.question: r.video for r in run.records}).difference
    return None


def markdown(runs: Sequence[Run]) -> str:
    """All rankings as Markdown, the best of each column bold."""
    sections = ["# Leaderboard\n", LEGEND if runs else "No runs yet.\n"]
    for title, members in rankings(runs).items():
        shown = mark(cells(members, runs), members, "**{}**".format, "{} =".format)
        sections += [f"## {tables.cell(title)}\n", tables.markdown(shown)]
    return "\n".join(sections)


def mark(
    rows: Sequence[dict[str, Any]],
    members: Sequence[Run],
    best: Callable[[str], str],
    tie: Callable[[str], str],
) -> list[dict[str, Any]]:
    """Marks in each accuracy column its best cell and those whose own interval reaches it."""
    marked = [dict(row) for row in rows]
    parts = [{"accuracy": run.summary, **main_breakdown(members, run)} for run in members]
    for column in dict.fromkeys(name for part in parts for name in part):
        values = [part.get(column, {}).get("accuracy") for part in parts]
        top = max((v for v in values if v is not None), default=0.0)
        if sum(v is not None for v in values) < 2:
            continue
        for row, value, part in zip(marked, values, parts, strict=True):
            if value is not None and value == top:
                row[column] = best(row[column])
            elif value is not None and value + (part[column].get("half_width") or 0.0) >= top:
                row[column] = tie(row[column])
    return marked


def write(results: Path | str, runs: Sequence[Run]) -> None:
    """Rewrites leaderboard.md, .csv and .json in ``results``. Raises JournalError when the disk
    refuses."""
    rows = figures(runs)
    tables.write(Path(results) / "leaderboard", markdown(runs), rows, rows)


def _title(run: Run) -> str:
    usual = {"limit": None, "control": "none", "permute_options": 1}
    named = [(key, run.identity.get(key, value)) for key, value in usual.items()]
    unusual = [f"{key}={value}" for key, value in named if value != usual[key]]
    unusual += ["imported"] if run.identity.get("imported") else []
    return " · ".join([run.task, *unusual])


def _sure(run: Run) -> float:
    """The accuracy if everything that failed or is missing were wrong."""
    value, n = run.summary.get("accuracy"), run.summary.get("n") or 0
    if value is None:
        return -1.0
    if run.complete:
        return float(value)
    wanted = max(run.summary.get("expected") or 0, n + (run.summary.get("failed") or 0), 1)
    return float(value) * n / wanted


def main_breakdown(members: Sequence[Run], run: Run) -> dict[str, dict[str, Any]]:
    """The benchmark's main breakdown of one run: its first that is narrow enough to print."""
    by = members[0].summary.get("by") or {}
    names = [name for name, parts in by.items() if 1 < len(parts) <= MAIN_BREAKDOWN_SIZE]
    return dict((run.summary.get("by") or {}).get(names[0], {})) if names else {}
