"""All runs, ranked: one table per task and protocol, never two protocols in one ranking."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.estimates import difference_of
from harness.metrics import Summing
from harness.report import tables
from harness.report.chosen import Chosen, chosen
from harness.report.comparable import differences, same_but
from harness.report.rankings import main_breakdown, rankings
from harness.report.remembered import remembered, units
from harness.report.runs import Run
from harness.report.serving import examined, served_by
from harness.types import Estimate

if TYPE_CHECKING:
    import pandas as pd

LEGEND = """\
The headline of each task, in brackets its 95% interval, clustered by video. **Best** of its column;
`=`: the best lies within this row's own interval (`harness compare` tests the paired difference).
Incomplete runs are ranked by what they are sure to reach. *settings*: in what a run differs from
others of its ranking. *tried*: how many settings of this model there are here; *corrected*: the
value of choosing the best of them, without the gain of having looked (chosen on half of the videos,
taken on the other, 200 times). *consistent*: right in every order of the options; *position bias*:
how far the letters chosen lie from the right ones, in points. *visual gain*: beside blank frames.
*served by*: what answered for the model; *flips*: how many answers of how many were others on
transformers (`harness doctor`; ?: it has not looked). *degenerate*: responses that are blank or one
word over and over; `!`: so many that the score is not to be used before they are looked at.
"""


def figures(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """One row per run in numbers (accuracies 0..1), best first within its ranking."""
    rows = []
    for title, members in rankings(runs).items():
        picked, told = chosen(members), differences(members)
        for rank, run in enumerate(members, start=1):
            summary = run.summary
            row: dict[str, Any] = {"ranking": title, "rank": rank, "model": run.model}
            row |= {"frames": run.frames, "settings": told[run.id], "n": summary.n}
            row |= {"metric": summary.headline, **_numbers("", summary.main.estimate)}
            for name in (
                "scored",
                "unparsed",
                "truncated",
                "degenerate",
                "failed",
                "unscored",
                "seconds",
            ):
                row[name] = getattr(summary, name)
            row |= {"complete": run.complete}
            for value, part in main_breakdown(members, run).items():
                row |= _numbers(value, part)
            if gain := visual_gain(run, runs):
                row |= _numbers("visual gain", gain)
            if (found := picked.get(run.model)) and found.best is run:
                row |= {"tried": found.tried}
                row |= _numbers("corrected", found.corrected) if found.corrected else {}
            if by := served_by(run):
                row |= {"served by": by}
            if by and (found_there := examined(run)):
                row |= {"flips": found_there.rate, "flips of": found_there.questions}
            if turned := summary.consistency:
                row |= _numbers("consistent", turned.accuracy) | {"position bias": turned.bias}
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
    picked, told = chosen(members), differences(members)
    rows = []
    for run in members:
        summary, unit = run.summary, run.summary.main.unit
        row: dict[str, Any] = {"model": run.model + ("" if run.complete else " (incomplete)")}
        row |= {"settings": told[run.id]} if any(told.values()) else {}
        row |= {"frames": "?" if run.frames is None else run.frames, "n": summary.n}
        row[summary.headline] = tables.interval(summary.main.estimate, unit)
        for value, part in main_breakdown(members, run).items():
            row[value] = tables.interval(part, unit)
        row |= _served(members, run)
        if any(gains.values()):
            gain = gains[run.id]
            row["visual gain"] = tables.interval(gain, unit, signed=True) if gain else ""
        row |= _choice(picked, run) | _rotations(members, run)
        row |= {"unparsed": summary.unparsed}
        for name in ("truncated", "unscored"):
            if any(getattr(member.summary, name) for member in members):
                row[name] = getattr(summary, name)
        if any(member.summary.often_degenerate for member in members):
            row["degenerate"] = f"{summary.degenerate}{' !' * summary.often_degenerate}"
        row |= {"failed": summary.failed, "seconds": f"{summary.seconds:.1f}", "run": run.id}
        rows.append(row)
    return rows


def visual_gain(run: Run, runs: Sequence[Run]) -> Estimate | None:
    """Score minus that of the same run shown blank frames, paired; None without such a run."""
    if run.control != "none":
        return None
    for other in runs:
        if other.control == "blank" and same_but(run, other, control="blank"):
            return remembered("visual gain", [run, other], partial(_gain, run, other))
    return None


def _gain(run: Run, blank: Run) -> Estimate | None:
    headline, before, after = run.metrics[0], units(blank), units(run)
    if not isinstance(headline, Summing) or before is None or after is None:
        return None
    return difference_of(headline, before, after).difference


def markdown(runs: Sequence[Run]) -> str:
    """All rankings as Markdown, the best of each column bold."""
    sections = ["# Leaderboard\n", LEGEND if runs else "No runs yet.\n"]
    for title, members in rankings(runs).items():
        shown = mark(cells(members, runs), members, "**{}**".format, "{} =".format)
        sections += [f"## {tables.cell(title)}\n", tables.markdown(shown)]
    if lines := waiting(runs):
        sections += ["## Not judged\n", *(f"- {tables.cell(line)}" for line in lines), ""]
    return "\n".join(sections)


def waiting(runs: Sequence[Run]) -> list[str]:
    """A line for every run of which responses wait for a judge, with what to do; none where a run
    beside it is of these responses, judged, or was asked the same of a model and a judge."""
    judged = [run for run in runs if run.request.get("judge")]
    scored = {run.request.get("scored_from") for run in judged}
    return [
        f"{run.model} on {run.task}: {run.not_judged}"
        for run in runs
        if run.id not in scored
        and run.not_judged
        and not any(other.identity | {"judge": None} == run.identity for other in judged)
    ]


def mark(
    rows: Sequence[dict[str, Any]],
    members: Sequence[Run],
    best: Callable[[str], str],
    tie: Callable[[str], str],
) -> list[dict[str, Any]]:
    """Marks in each column of scores its best cell and those whose own interval reaches it."""
    marked = [dict(row) for row in rows]
    sign = 1.0 if members[0].summary.main.higher_is_better else -1.0
    parts: list[dict[str, Estimate]] = [
        {run.summary.headline: run.summary.main.estimate, **main_breakdown(members, run)}
        for run in members
    ]
    for column in dict.fromkeys(name for part in parts for name in part):
        values = [sign * part[column].value if column in part else math.nan for part in parts]
        known = [value for value in values if not math.isnan(value)]
        if len(known) < 2:
            continue
        top = max(known)
        for row, value, part in zip(marked, values, parts, strict=True):
            if value == top:
                row[column] = best(row[column])
            elif not math.isnan(value) and _reaches(part[column], sign, top):
                row[column] = tie(row[column])
    return marked


def write(results: Path | str, runs: Sequence[Run]) -> None:
    """Rewrites leaderboard.md, .csv and .json in ``results``. Raises JournalError when the disk
    refuses."""
    rows = figures(runs)
    tables.write(Path(results) / "leaderboard", markdown(runs), rows, rows)


def _reaches(found: Estimate, sign: float, top: float) -> bool:
    return max(sign * bound for bound in found.ci95) >= top


def _choice(picked: Mapping[str, Chosen], run: Run) -> dict[str, Any]:
    """The columns "tried" and "corrected", where any model has several settings here."""
    if not picked:
        return {}
    found, unit = picked.get(run.model), run.summary.main.unit
    if found is None or found.best is not run:
        return {"tried": "", "corrected": ""}
    value = tables.interval(found.corrected, unit) if found.corrected else "?"
    return {"tried": found.tried, "corrected": value}


def _served(members: Sequence[Run], run: Run) -> dict[str, Any]:
    """The columns "served by" and "flips", where any model is a served one."""
    if not any(map(served_by, members)):
        return {}
    by = served_by(run)
    return {"served by": by, "flips": str(examined(run) or "?") if by else ""}


def _rotations(members: Sequence[Run], run: Run) -> dict[str, Any]:
    if not any(member.summary.consistency for member in members):
        return {}
    found = run.summary.consistency
    consistent = tables.interval(found.accuracy) if found else ""
    return {"consistent": consistent, "position bias": f"{100 * found.bias:.1f}" if found else ""}


def _numbers(name: str, found: Estimate) -> dict[str, float]:
    before = f"{name} " if name else ""
    value = {name or "value": found.value}
    return value | {f"{before}low": found.ci95[0], f"{before}high": found.ci95[1]}
