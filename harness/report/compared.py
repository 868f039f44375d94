"""A comparison of runs as a page, as rows and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from harness.report import tables
from harness.report.compare import Comparison, Difference, Flip

MOST = 10
"""How many changed questions a page lists; all of them are in compare.json."""


def markdown(result: Comparison, most: int | None = MOST) -> str:
    """The comparison as a page: what changed, question by question (at most so many, None: all),
    then the summary, which is where a reader of a long page ends."""
    listed = result.flips if most is None else result.flips[:most]
    lines = [f"# Compared with {tables.cell(result.first)}\n"]
    lines += [f"> {tables.cell(note)}\n" for note in result.notes]
    lines.append(f"## {len(result.flips):,} questions changed\n")
    lines.append(tables.markdown([_flip_cells(flip) for flip in listed]))
    if left := len(result.flips) - len(listed):
        lines.append(f"… and {left:,} more: --all lists them, compare.json holds them.\n")
    lines.append("## Differences\n")
    lines.append(tables.markdown([_cells(d, result.unit) for d in result.differences]))
    lines.append(
        "In brackets the 95% interval of the paired difference, clustered by video; p: clustered t "
        "test, adjusted by Holm over the runs compared (overall) or over all parts; McNemar: "
        "exact, taking questions as independent; detectable: the difference that this design "
        "finds four times in five (none: not even the largest possible). Over the questions that "
        "count in both runs.\n"
    )
    return "\n".join(lines)


def rows(result: Comparison) -> list[dict[str, Any]]:
    """The differences in numbers, one row each."""
    flat = []
    for d in result.differences:
        found = d.paired.difference
        row: dict[str, Any] = {"first": result.first, "second": d.second, "part": d.part}
        row |= {"before": d.before, "after": d.after, "difference": found.value}
        row |= {"low": found.ci95[0], "high": found.ci95[1], "n": found.n}
        row |= {"clusters": found.clusters, "gained": d.paired.gained, "lost": d.paired.lost}
        row |= {"p": d.paired.p, "holm": d.holm, "mcnemar": d.paired.mcnemar}
        flat.append(row | {"detectable": d.detectable})
    return flat


def as_data(result: Comparison) -> dict[str, Any]:
    """The whole comparison for JSON."""
    flips = [dict(vars(flip)) for flip in result.flips]
    return {"notes": list(result.notes), "differences": rows(result), "flips": flips}


def _cells(d: Difference, unit: str) -> Mapping[str, Any]:
    return {
        "run": d.second,
        "part": d.part,
        "n": d.paired.difference.n,
        "before": tables.number(d.before, unit),
        "after": tables.number(d.after, unit),
        "difference": tables.interval(d.paired.difference, unit, signed=True),
        "gained": d.paired.gained,
        "lost": d.paired.lost,
        "p": tables.probability(d.paired.p),
        "p (Holm)": tables.probability(d.holm),
        "McNemar": tables.probability(d.paired.mcnemar),
        "detectable": "none" if math.isinf(d.detectable) else tables.number(d.detectable, unit),
    }


def _flip_cells(flip: Flip) -> Mapping[str, Any]:
    return {
        "run": flip.second,
        "question": flip.question,
        "target": tables.short(flip.target),
        "before": tables.short(flip.before),
        "after": tables.short(flip.after),
        "": "gained" if flip.gained else "lost",
    }
