"""All runs, ranked: one table per task and protocol, never two protocols in one ranking."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import stats
from harness.journal import difference, write_atomically
from harness.report.runs import Run, find
from harness.report.summary import score_of

if TYPE_CHECKING:
    import pandas as pd

MAIN_BREAKDOWN_SIZE = 8  # a breakdown with more values than this would make the table too wide
LEGEND = (
    "Accuracy in percent ± half of its 95% interval, clustered by video. **Best** of its column; "
    "` =`: not told apart from the best, which lies within this row's own interval "
    "(`python -m harness.compare` tests the paired difference). "
    "Incomplete runs are ranked by what they are sure to reach.\n"
)


def rankings(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Runs that may be compared, best first, under a title that says what sets them apart."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(json.dumps(_asked(run), sort_keys=True), []).append(run)
    titled: dict[str, list[Run]] = {}
    first: dict[str, dict[str, Any]] = {}
    for key, members in sorted(groups.items(), key=lambda item: (_title(item[1][0]), item[0])):
        title, asked = _title(members[0]), json.loads(key)
        if title in first:
            title += f" · {difference(asked, first[title])}"
        first.setdefault(title, asked)
        titled[title] = sorted(members, key=lambda r: (-_sure(r), r.model, r.frames or 0, r.id))
    return titled


def figures(runs: Sequence[Run]) -> pd.DataFrame:
    """One row per run in numbers (accuracies 0..1), best first within its ranking."""
    import pandas as pd  # imported late: --help must answer in under a second

    rows = []
    for title, members in rankings(runs).items():
        for rank, run in enumerate(members, start=1):
            kept = ("n", "accuracy", "half_width", "scored", "unread", "failed", "seconds")
            row = {"ranking": title, "rank": rank, "model": run.model, "frames": run.frames}
            row |= {key: run.summary.get(key) for key in kept} | {"complete": run.complete}
            for value, part in _main(members, run).items():
                row |= {value: part["accuracy"], f"{value} half_width": part["half_width"]}
            gain = visual_gain(run, runs)
            if gain is not None:
                row |= {"visual gain": gain.value, "visual gain half_width": gain.half_width}
            rows.append(row | {"run": run.id})
    return pd.DataFrame(rows)


def table(runs: Sequence[Run]) -> pd.DataFrame:
    """The leaderboard as people read it: formatted cells, best first, one ranking after another."""
    import pandas as pd

    parts = [cells(title, members, runs) for title, members in rankings(runs).items()]
    return pd.concat(parts, ignore_index=True).fillna("") if parts else pd.DataFrame()


def cells(title: str, members: Sequence[Run], runs: Sequence[Run] = ()) -> pd.DataFrame:
    """One ranking's formatted cells; ``runs`` are searched for blank controls."""
    import pandas as pd

    gains = {run.id: visual_gain(run, runs) for run in members}
    rows = []
    for run in members:
        summary = run.summary
        row: dict[str, Any] = {
            "task": title,
            "model": run.model + ("" if run.complete else " (incomplete)"),
            "frames": run.frames if run.frames is not None else "?",
            "n": summary["n"],
            "accuracy": percent(summary["accuracy"], summary["half_width"]),
        }
        for value, part in _main(members, run).items():
            row[value] = percent(part["accuracy"], part["half_width"])
        gain = gains[run.id]
        if any(gains.values()):
            row["visual gain"] = percent(gain.value, gain.half_width, signed=True) if gain else ""
        seconds = f"{summary['seconds']:.1f}"
        row |= {"unread": summary["unread"], "failed": summary["failed"], "seconds": seconds}
        rows.append(row | {"run": run.id[:12]})
    return pd.DataFrame(rows)


def visual_gain(run: Run, runs: Sequence[Run]) -> Any:
    """Score minus that of the same run shown blank frames, paired; None without such a run."""
    if run.control != "none":
        return None
    wanted = run.identity | {"control": "blank"}
    for other in runs:
        if other.control == "blank" and other.identity == wanted:
            blank, seen = ({r.question: score_of(r) for r in x.records} for x in (other, run))
            return stats.paired(blank, seen, {r.question: r.video for r in run.records}).difference
    return None


def markdown(runs: Sequence[Run]) -> str:
    """All rankings as Markdown, the best of each column bold."""
    sections = ["# Leaderboard\n", LEGEND] if runs else ["# Leaderboard\n", "No runs yet.\n"]
    for title, members in rankings(runs).items():
        shown = mark(cells(title, members, runs), members, "**{}**".format, "{} =".format)
        body = shown.drop(columns="task").map(_cell).to_markdown(index=False, disable_numparse=True)
        sections += [f"## {_cell(title)}\n", body + "\n"]
    return "\n".join(sections)


def mark(shown: pd.DataFrame, members: Sequence[Run], best: Any, tie: Any) -> pd.DataFrame:
    """Marks in each accuracy column its best cell and those whose own interval reaches it."""
    shown = shown.copy()
    parts = [{"accuracy": run.summary, **_main(members, run)} for run in members]
    for column in dict.fromkeys(name for part in parts for name in part):
        values = [part.get(column, {}).get("accuracy") for part in parts]
        reaches = [part.get(column, {}).get("half_width") or 0.0 for part in parts]
        top = max((v for v in values if v is not None), default=0.0)
        if sum(v is not None for v in values) > 1:
            marked = [
                cell
                if v is None
                else best(cell)
                if v == top
                else tie(cell)
                if v + r >= top
                else cell
                for cell, v, r in zip(shown[column], values, reaches, strict=True)
            ]
            shown[column] = marked
    return shown


def percent(value: float | None, half_width: float | None, *, signed: bool = False) -> str:
    """``81.2 ± 3.1``; ``?`` for what is not known."""
    if value is None or math.isnan(value):
        return "?"
    known = half_width is not None and not math.isnan(half_width)
    width = f"{100 * (half_width or 0):.1f}" if known else "?"
    return f"{100 * value:{'+' if signed else ''}.1f} ± {width}"


def write(results: Path | str) -> list[str]:
    """Rewrites leaderboard.md and .csv over all runs under ``results``.

    Returns a line about each run that cannot be read. Raises JournalError when the disk refuses.
    """
    results = Path(results)
    runs, complaints = find(results)
    write_atomically(results / "leaderboard.md", markdown(runs))
    write_atomically(results / "leaderboard.csv", figures(runs).to_csv(index=False))
    return complaints


def _asked(run: Run) -> dict[str, Any]:
    """What must agree for two scores to be comparable: everything but the model and its frames."""
    keys = ("task", "protocol", "data", "limit", "control", "permute_options")
    return {key: run.identity.get(key) for key in keys}


def _title(run: Run) -> str:
    usual = {"limit": None, "control": "none", "permute_options": 1}
    named = [(key, run.identity.get(key, value)) for key, value in usual.items()]
    unusual = [f"{key}={value}" for key, value in named if value != usual[key]]
    return " · ".join([run.task, *unusual])


def _sure(run: Run) -> float:
    """The accuracy if everything that failed or is missing were wrong."""
    value, n = run.summary.get("accuracy"), run.summary.get("n") or 0
    if value is None:
        return -1.0
    if run.complete:
        return float(value)
    asked = max(run.summary.get("expected") or 0, n + (run.summary.get("failed") or 0), 1)
    return float(value) * n / asked


def _main(members: Sequence[Run], run: Run) -> dict[str, dict[str, Any]]:
    """The benchmark's main breakdown of one run: its first that is narrow enough to print."""
    by = members[0].summary.get("by") or {}
    names = [name for name, parts in by.items() if 1 < len(parts) <= MAIN_BREAKDOWN_SIZE]
    return dict((run.summary.get("by") or {}).get(names[0], {})) if names else {}


def _cell(value: object) -> str:
    """A cell that cannot break a Markdown table or smuggle HTML into a page."""
    text = str(value).replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")
    return " ".join(text.split())
