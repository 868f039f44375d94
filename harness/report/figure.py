"""The leaderboard for a paper: a LaTeX table and a figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.report.leaderboard import cells, main_breakdown, mark, rankings
from harness.report.runs import Run
from harness.types import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LATEX = {
    **{c: f"\\{c}" for c in "&%$#_{}"},
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "±": r"$\pm$", "·": r"$\cdot$",
}  # fmt: skip
_TABLE = r"""\begin{table}
\caption{%s}
\begin{tabular}{%s}
\toprule
%s \\
\midrule
%s \\
\bottomrule
\end{tabular}
\end{table}
"""


def latex(runs: Sequence[Run]) -> str:
    """Every ranking as a booktabs table; best in bold, those not told apart from it in italics."""
    parts = []
    for title, members in rankings(runs).items():
        rows = [{k: escape(str(v)) for k, v in row.items()} for row in cells(members, runs)]
        rows = mark(rows, members, r"\textbf{{{}}}".format, r"\textit{{{}}}".format)
        names = [name for name in dict.fromkeys(n for row in rows for n in row) if name != "run"]
        lines = [" & ".join(row.get(name, "") for name in names) for row in rows]
        head = " & ".join(escape(name) for name in names)
        columns = "l" + "r" * (len(names) - 1)
        parts.append(_TABLE % (escape(title), columns, head, " \\\\\n".join(lines)))
    return "\n".join(parts)


def escape(text: str) -> str:
    """Text that LaTeX prints as it is."""
    return "".join(_LATEX.get(c, c if c.isprintable() else " ") for c in text)


def plot(runs: Sequence[Run], path: Path) -> None:
    """The headline against frames, and per main breakdown, of every ranking.

    ``path`` ends in .png or .svg.
    """
    from matplotlib.figure import Figure  # no pyplot: no display, no global state

    shown = {title: members for title, members in rankings(runs).items() if members}
    picture = Figure(figsize=(11, 4 * max(len(shown), 1)), layout="constrained")
    axes = picture.subplots(max(len(shown), 1), 2, squeeze=False)
    for (left, right), (title, members) in zip(axes, shown.items(), strict=bool(shown)):
        _against_frames(left, members)
        left.set_title(_plain(title), fontsize="small")
        _per_value(right, members)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)


def _against_frames(axes: Axes, members: Sequence[Run]) -> None:
    unit = members[0].summary.main.unit
    for model in sorted({run.model for run in members}):
        runs = [run for run in members if run.model == model and _known(run.summary.main.estimate)]
        runs.sort(key=lambda run: run.frames or 0)
        found = [run.summary.main.estimate for run in runs]
        if not found:
            continue
        axes.errorbar(
            [run.frames or 0 for run in runs],
            [_scale(unit) * one.value for one in found],
            _reach(found, unit),
            marker="o",
            capsize=3,
            label=_plain(model),
        )
    axes.set(xlabel="frames", ylabel=_plain(_label(members)))
    _finish(axes, unit)


def _per_value(axes: Axes, members: Sequence[Run]) -> None:
    width, unit = 0.8 / len(members), members[0].summary.main.unit
    for place, run in enumerate(members):
        parts = {k: v for k, v in main_breakdown(members, run).items() if _known(v)}
        axes.bar(
            [i + place * width for i in range(len(parts))],
            [_scale(unit) * part.value for part in parts.values()],
            width,
            yerr=_reach(list(parts.values()), unit) if parts else None,
            label=_plain(f"{run.model}, {run.frames} frames"),
        )
        axes.set_xticks([i + 0.4 - width / 2 for i in range(len(parts))], [*map(_plain, parts)])
    _finish(axes, unit)


def _finish(axes: Axes, unit: str) -> None:
    if unit == "%":
        axes.set(ylim=(0, 100))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize="small")


def _reach(found: Sequence[Estimate], unit: str) -> list[list[float]]:
    """How far each interval reaches below and above its value; nowhere where it is not known."""
    pairs = [
        (0.0, 0.0) if math.isnan(low) else (max(one.value - low, 0.0), max(high - one.value, 0.0))
        for one in found
        for low, high in (one.ci95,)
    ]
    return [[_scale(unit) * pair[side] for pair in pairs] for side in (0, 1)]


def _known(found: Estimate) -> bool:
    return not math.isnan(found.value)


def _scale(unit: str) -> float:
    return 100.0 if unit == "%" else 1.0


def _label(members: Sequence[Run]) -> str:
    summary = members[0].summary
    return f"{summary.headline} ({summary.main.unit})" if summary.main.unit else summary.headline


def _plain(text: str) -> str:
    """matplotlib reads $…$ as mathematics."""
    return text.replace("$", r"\$")
