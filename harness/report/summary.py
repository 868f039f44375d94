"""From a run's records to the numbers in its summary.json."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness import stats
from harness.report.diagnostics import consistency
from harness.scoring.aggregate import breakdown, chance, counted, headline, members
from harness.types import Estimate, Record

_KNOWN_ORDER = {"short": 0, "medium": 1, "long": 2}


def summarise(
    records: Iterable[Record],
    *,
    task: str,
    model: str,
    frames: int | None,
    denominator: str = "all",
    aggregate: str = "micro",
    breakdowns: Sequence[str] | None = None,
    seconds: float = 0.0,
    expected: int | None = None,
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """summary.json as a dict: JSON-ready, no NaN, the same for any order of ``records``.

    ``denominator`` and ``aggregate`` are names of ``harness.scoring.aggregate``; ``breakdowns``
    defaults to all groups that the records name; ``seconds`` are the model's; ``expected`` is how
    many questions the request asks: a run that has fewer, or any failure, is not ``complete``;
    ``extra`` joins the summary. Raises RequestError for an unknown denominator or aggregate.
    """
    ordered = sorted(records, key=lambda record: record.question)
    kept = counted(ordered, denominator)
    overall = estimate(kept, aggregate)
    failed = sum(record.status == "failed" for record in ordered)
    hidden = sum(record.gold is None and record.answer is not None for record in ordered)
    names = breakdowns or group_names(ordered)
    return {
        "task": task,
        "model": model,
        "frames": frames,
        "n": overall.n,
        "clusters": overall.clusters,
        "scored": sum(record.status == "scored" for record in ordered),
        "unread": sum(record.status == "unread" for record in ordered) - hidden,
        "failed": failed,
        "unlabelled": hidden,
        "accuracy": _number(overall.value),
        "half_width": _number(overall.half_width),
        "chance": _number(chance(ordered, aggregate)),
        "bounds": _bounds(kept, ordered, aggregate) if failed else None,
        "denominator": denominator,
        "aggregate": aggregate,
        "complete": failed == 0 and expected in (None, len(ordered)),
        "expected": expected,
        "seconds": round(seconds, 3),
        "subtitles": _subtitles(ordered),
        "consistency": consistency(ordered),
        "by": {name: _by(kept, name) for name in names},
        **(extra or {}),
    }


def estimate(records: Sequence[Record], aggregate: str = "micro") -> Estimate:
    """The headline of records that all count (see ``counted``), with its interval.

    Any other aggregate than micro and macro has the interval of the jackknife over videos.
    """
    scores, videos = [score_of(r) for r in records], [r.video for r in records]
    if aggregate == "micro":
        return stats.accuracy(scores, videos)
    kind, _, name = aggregate.partition(":")
    if kind != "macro":
        value = headline(records, aggregate)
        rest = [
            headline([r for r in records if r.video != video], aggregate)
            for video in dict.fromkeys(videos)
        ]
        return Estimate(value, stats.jackknife(rest), len(records), len(rest))
    parts = [(r, value) for r in records for value in members(r.groups.get(name, ""))]
    found = stats.macro(
        [score_of(r) for r, _ in parts], [r.video for r, _ in parts], [value for _, value in parts]
    )
    return Estimate(found.value, found.half_width, len(records), found.clusters)


def score_of(record: Record) -> float:
    """The score as it counts: 0 where nothing could be read."""
    return record.score or 0.0


def group_names(records: Iterable[Record]) -> list[str]:
    """The breakdowns that the records name, in the order in which they name them."""
    return list(dict.fromkeys(name for record in records for name in record.groups))


def in_order(values: Iterable[str]) -> list[str]:
    """Breakdown values as a reader expects them: short, medium, long; 15, 60, 600; a, b, c."""

    def key(value: str) -> tuple[int, float, str]:
        if value in _KNOWN_ORDER:
            return 0, _KNOWN_ORDER[value], value
        return (1, float(value), value) if value.isdecimal() else (2, 0.0, value)

    return sorted(set(values), key=key)


def _by(records: Sequence[Record], name: str) -> dict[str, dict[str, Any]]:
    parts = breakdown(records, name)
    table = {}
    for value in in_order(parts):
        part = estimate(parts[value])
        table[value] = {
            "n": part.n,
            "accuracy": _number(part.value),
            "half_width": _number(part.half_width),
        }
    return table


def _bounds(
    kept: Sequence[Record], records: Sequence[Record], aggregate: str
) -> dict[str, float | None]:
    """The headline, had every failed question been answered wrongly, or rightly."""
    failed = [record for record in records if record.status == "failed"]
    low, high = (
        headline([*kept, *(replace(r, status="scored", score=worth) for r in failed)], aggregate)
        for worth in (0.0, 1.0)
    )
    return {"low": _number(low), "high": _number(high)}


def _subtitles(records: Sequence[Record]) -> dict[str, int] | None:
    """How many questions were shown subtitles, of those whose protocol shows any; else None."""
    shown = [record.subtitles for record in records if record.subtitles is not None]
    return {"questions": len(shown), "with": sum(n > 0 for n in shown)} if shown else None


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
