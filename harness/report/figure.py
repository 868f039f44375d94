"""The leaderboard for a paper: a LaTeX table (figures: ``harness.report.plots``)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.report.leaderboard import cells, mark
from harness.report.rankings import rankings
from harness.report.runs import Run

HOUSEKEEPING = ("run", "seconds", "failed", "unparsed", "truncated", "unscored", "tried")
"""Columns that a paper's table does without."""

_LATEX = {
    **{c: f"\\{c}" for c in "&%$#_{}"},
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "±": r"$\pm$", "·": r"$\cdot$",
}  # fmt: skip
_TABLE = r"""\begin{table}
\centering
\caption{%s}
\label{%s}
\begin{tabular}{%s}
\toprule
%s \\
\midrule
%s \\
\bottomrule
\end{tabular}
\end{table}
"""
_CAPTION = (
    "; in brackets the 95% interval, clustered by video. Bold: the best of a column; italic: the "
    "best lies within this value's interval."
)


def latex(runs: Sequence[Run]) -> str:
    """Every ranking as a booktabs table; best in bold, those not told apart from it in italics.

    What a run is kept with (``HOUSEKEEPING``) is left out.
    """
    parts: list[str] = []
    for title, members in rankings(runs).items():
        rows = [{k: escape(str(v)) for k, v in row.items()} for row in cells(members, runs)]
        rows = mark(rows, members, r"\textbf{{{}}}".format, r"\textit{{{}}}".format)
        every = dict.fromkeys(name for row in rows for name in row)
        names = [name for name in every if name not in HOUSEKEEPING]
        lines = [" & ".join(row.get(name, "") for name in names) for row in rows]
        head = " & ".join(escape(name) for name in names)
        columns = "l" + "r" * (len(names) - 1)
        caption = escape(f"{title}: {members[0].summary.headline}{_CAPTION}")
        label = f"tab:{re.sub(r'[^A-Za-z0-9]+', '-', title).strip('-')}"
        label += f"-{len(parts) + 1}" if any(f"{{{label}}}" in part for part in parts) else ""
        parts.append(_TABLE % (caption, label, columns, head, " \\\\\n".join(lines)))
    return "\n".join(parts)


def escape(text: str) -> str:
    """Text that LaTeX prints as it is."""
    return "".join(_LATEX.get(c, c if c.isprintable() else " ") for c in text)
