"""All runs as a static site: a leaderboard, its plots, and every run's page."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from harness.report import html, plots, tables
from harness.report.comparable import differences, same_but
from harness.report.leaderboard import LEGEND
from harness.report.page import assets
from harness.report.rankings import main_breakdown, rankings
from harness.report.runs import Run
from harness.run.journal import write_atomically
from harness.types import Estimate

SCRIPTS = ("vendor/tabulator.min.js", "site.js")


def write(
    runs: Sequence[Run], folder: Path, tell: Callable[[Run], None] = lambda run: None
) -> Path:
    """Writes ``index.html``, ``plots/`` and ``runs/<task>/<model>/<id>/`` below ``folder``; returns
    the index. A run's page is made again only where it is older than its summary.

    Raises JournalError for a damaged run and when the disk refuses.
    """
    tables.folder(folder)
    for run in runs:
        tell(run)
        _run_page(run, runs, folder / place(run))
    drawn = [path.relative_to(folder) for path in plots.write(runs, folder / "plots", ["svg"])]
    index = folder / "index.html"
    write_atomically(index, leaderboard(runs, drawn))
    return index


def leaderboard(runs: Sequence[Run], drawn: Sequence[Path] = ()) -> str:
    """The leaderboard as a page: a section per protocol, controls as columns of their run."""
    stems = {members[0].id: stem for stem, members in plots.named(runs).items()}
    sections = []
    for title, ranked in rankings(runs).items():
        members = [run for run in ranked if _base(run, runs) is None]
        if not members:
            continue
        found = stems.get(members[0].id)
        names = [f"{found}-{what}.svg" for what in ("frames", "tokens", "seconds", "energy")]
        pictures = [quote(path.as_posix()) for path in drawn if path.name in names]
        section = _section(members, runs)
        sections.append(section | {"title": title, "plots": pictures})
    return assets.render(
        "site.html",
        SCRIPTS,
        sections=sections,
        legend=LEGEND,
        data=assets.as_json([{k: s[k] for k in ("rows", "columns")} for s in sections]),
    )


def place(run: Run) -> Path:
    """Where a run's page lies below the site."""
    return Path("runs") / run.task / run.model / run.folder.name


def _run_page(run: Run, runs: Sequence[Run], folder: Path) -> None:
    tables.folder(folder)
    page, summary = folder / "report.html", run.folder / "summary.json"
    if (run.folder / "frames").is_dir():
        shutil.copytree(run.folder / "frames", folder / "frames", dirs_exist_ok=True)
    made = page.stat().st_mtime if page.exists() else 0.0
    if not summary.exists() or made <= summary.stat().st_mtime:
        beside = [other for other in runs if other.task == run.task]
        write_atomically(page, html.page(run, others=beside))


def _base(run: Run, runs: Sequence[Run]) -> Run | None:
    """The run that a control belongs to; None for a result, and a control without its run."""
    if run.control == "none":
        return None
    for other in runs:
        if other.control == "none" and same_but(other, run, control=run.control):
            return other
    return None


def _section(members: Sequence[Run], runs: Sequence[Run]) -> dict[str, Any]:
    """One ranking: rows of cells, each {"text", "value"} to show and to sort by, and columns."""
    told = differences(members)
    rows = [_row(run, rank, told[run.id], members, runs) for rank, run in enumerate(members, 1)]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return {"rows": rows, "columns": [name for name in columns if name != "link"]}


def _row(
    run: Run, rank: int, settings: str, members: Sequence[Run], runs: Sequence[Run]
) -> dict[str, Any]:
    summary, unit = run.summary, run.summary.main.unit
    row: dict[str, Any] = {"#": _cell(rank), "model": _cell(run.model)}
    row["link"] = quote((place(run) / "report.html").as_posix())
    if any(differences(members).values()):
        row["settings"] = _cell(settings)
    row |= {"frames": _cell("?" if run.frames is None else run.frames)}
    row[summary.headline] = _number(summary.main.estimate, unit)
    for other in runs:
        if other.control != "none" and same_but(run, other, control=other.control):
            row[f"control: {other.control}"] = _number(other.summary.main.estimate, unit)
    for value, part in main_breakdown(members, run).items():
        row[value] = _number(part, unit)
    row["n"] = _cell(summary.n)
    lost = {k: getattr(summary, k) for k in ("unparsed", "truncated", "failed", "unscored")}
    said = ", ".join(f"{count} {name}" for name, count in lost.items() if count)
    row["lost"] = {"text": said or "0", "value": sum(lost.values())}
    if not run.complete:
        row["lost"]["text"] += " (incomplete)"
    row["seconds"] = _cell(round(summary.seconds, 1))
    if summary.energy is not None:
        row["energy (kJ)"] = _cell(float(f"{summary.energy / 1000:.3g}"))
    return row


def _cell(value: str | int | float) -> dict[str, Any]:
    return {"text": str(value), "value": value}


def _number(found: Estimate, unit: str) -> dict[str, Any]:
    return {"text": tables.interval(found, unit), "value": found.value}
