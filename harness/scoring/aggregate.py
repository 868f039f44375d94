"""From records to headlines: how each benchmark's authors add their questions up.

A failed question is in no denominator and is always reported beside the number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import nan
from statistics import fmean

from harness.errors import RequestError
from harness.scoring.groups import group_score
from harness.types import Record

Aggregate = Callable[[Sequence[Record], str], float]

SEPARATOR = " | "
"""Joins the values of a group in which one question counts more than once."""

DENOMINATORS: Mapping[str, Callable[[Record], bool]] = {
    "all": lambda record: record.status != "failed",
    "answered": lambda record: record.status == "scored",
    "nonempty": lambda record: record.status != "failed" and bool((record.response or "").strip()),
}
"""Which records count. ``all``: every question that ran, unread is wrong (the default; lmms-eval's
Video-MME). ``answered``: unread ones are left out (Video-MME's own scorer). ``nonempty``: blank
responses are left out, other unread ones are wrong (lmms-eval's MVBench)."""


def counted(records: Sequence[Record], denominator: str = "all") -> list[Record]:
    """The records in the denominator, each with a score: 0 where nothing could be read.

    A question whose label is hidden (``gold`` None) never counts. Raises RequestError for an
    unknown denominator.
    """
    if denominator not in DENOMINATORS:
        raise RequestError(
            f"denominator={denominator}: unknown; choose one of {', '.join(DENOMINATORS)}"
        )
    kept = (r for r in records if r.gold is not None and DENOMINATORS[denominator](r))
    return [r if r.score is not None else replace(r, score=0.0) for r in kept]


def members(value: str) -> list[str]:
    """The values a group's text stands for: "ER | KIR" counts in both, "" in none."""
    return value.split(SEPARATOR) if value else []


def breakdown(records: Sequence[Record], group: str) -> dict[str, list[Record]]:
    """Records by the values of one group, in order of first appearance."""
    found: dict[str, list[Record]] = {}
    for record in records:
        for value in members(record.groups.get(group, "")):
            found.setdefault(value, []).append(record)
    return found


def headline(
    records: Sequence[Record], aggregate: str = "micro", denominator: str = "all"
) -> float:
    """The benchmark's number, 0..1, nan when no record counts.

    ``aggregate`` is a name of ``AGGREGATES``, followed by ":group" where it takes one. Raises
    RequestError for an unknown name.
    """
    name, _, group = aggregate.partition(":")
    if name not in AGGREGATES:
        raise RequestError(f"aggregate={aggregate}: unknown; choose one of {', '.join(AGGREGATES)}")
    return AGGREGATES[name](counted(records, denominator), group)


def chance(records: Sequence[Record], aggregate: str = "micro") -> float:
    """What guessing among the options shown scores under the same aggregate, 0..1."""
    guesses = [
        replace(r, score=1 / len(r.options), status="scored")
        for r in records
        if r.options and r.gold is not None
    ]
    return headline(guesses, aggregate)


def micro(records: Sequence[Record], group: str = "") -> float:
    """Correct over all questions."""
    return fmean(r.score or 0.0 for r in records) if records else nan


def macro(records: Sequence[Record], group: str) -> float:
    """The unweighted mean of the accuracies of a group's values."""
    parts = breakdown(records, group).values()
    return fmean(micro(part) for part in parts) if parts else nan


def videomme_v2(records: Sequence[Record], group: str = "") -> float:
    """Video-MME-v2's non-linear score: the mean over videos of what their four questions earn.

    A video of which a question failed is left out: its group cannot be scored. Rotated options
    ("id@1") make groups of their own.
    """
    videos: dict[tuple[str, str], list[Record]] = {}
    for record in sorted(records, key=lambda r: r.groups.get("position", "")):
        videos.setdefault((record.video, record.question.partition("@")[2]), []).append(record)
    points = [
        group_score(
            four[0].groups["group_type"],
            four[0].groups["group_structure"],
            [r.score or 0.0 for r in four],
        )
        for four in videos.values()
        if len(four) == 4
    ]
    return fmean(points) if points else nan


AGGREGATES: Mapping[str, Aggregate] = {"micro": micro, "macro": macro, "videomme_v2": videomme_v2}
"""Headlines by name: over questions, the mean over a group's values, Video-MME-v2's groups."""
