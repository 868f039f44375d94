"""The table of LLaVA-NeXT-Video's release (2024-04-30): its rows as printed, and runs beneath."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.report.published import published

SOURCE = "LLaVA-NeXT: A Strong Zero-shot Video Understanding Model (blog, 2024-04-30)"
COLUMNS: dict[str, tuple[str, str, str]] = {
    "NExT-QA WUPS": ("nextqa_oe", "wups", "WUPS"),
    "ActivityNet-QA": ("activitynet_qa", "accuracy", "accuracy"),
    "score": ("activitynet_qa", "score", "score"),
    "VDD": ("vdd", "score", "score"),
    "correctness": ("videochatgpt", "score:correctness", "correctness"),
    "detail": ("videochatgpt", "score:detail", "detail"),
    "context": ("videochatgpt", "score:context", "context"),
    "temporal": ("videochatgpt", "score:temporal", "temporal"),
    "consistency": ("videochatgpt", "score:consistency", "consistency"),
}
"""Heading: (benchmark, metric in published.csv, metric in a summary)."""
JUDGES = ("model", "checkpoint", "rule", "name")


def blog_rows(summaries: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """A row for every model of the published table, then one for each model and judge of
    ``summaries`` (summary.json's); "-" where a number is not there. Numbers of another judge are
    not comparable: each row names its own."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    headings = {(task, metric): name for name, (task, metric, _) in COLUMNS.items()}
    for found in published():
        heading = headings.get((found.benchmark, found.metric))
        if found.source == SOURCE and heading is not None:
            rows.setdefault(("", found.model), {})[heading] = found.value
            if found.judge:
                rows["", found.model]["judge"] = found.judge
    for summary in summaries:
        task = str(summary["task"]).partition("/")[0]
        row = rows.setdefault(("here", str(summary["model"])), {})
        row |= _numbers(task, summary)
        if summary.get("judge"):
            row["judge"] = _judge(summary["judge"].get("identity") or {})
    return [
        {"model": f"{model} (here)" if here else model}
        | {name: row.get(name, "-") for name in (*COLUMNS, "judge")}
        for (here, model), row in rows.items()
    ]


def _numbers(task: str, summary: Mapping[str, Any]) -> dict[str, str]:
    """The summary's cells, by heading; an incomplete run's are marked."""
    mark = "" if summary.get("complete", True) else " (incomplete)"
    cells: dict[str, str] = {}
    for name, (benchmark, _, metric) in COLUMNS.items():
        found = (summary.get("metrics") or {}).get(metric) or {}
        value = found.get("value")
        if benchmark == task and value is not None:
            percent = found.get("unit") == "%"
            cells[name] = (f"{100 * value:.1f}" if percent else f"{value:.2f}") + mark
    return cells


def _judge(identity: Mapping[str, Any]) -> str:
    return next((str(identity[key]) for key in JUDGES if identity.get(key)), "another one")
