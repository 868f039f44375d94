"""From a run's records to the numbers in its summary.json."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from harness import stats
from harness.errors import RequestError
from harness.types import Estimate, Record

DENOMINATORS: Mapping[str, Callable[[Record], bool]] = {
    "all": lambda record: record.status != "failed",
    "answered": lambda record: record.status == "scored",
    "nonempty": lambda record: record.status != "failed" and bool((record.response or "").strip()),
}
"""Which records count. ``all``: every question that ran, unread is wrong (the default; lmms-eval's
Video-MME). ``answered``: unread ones are left out (Video-MME's own scorer). ``nonempty``: blank
responses are left out, other unread ones are wrong (lmms-eval's MVBench)."""

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

    ``aggregate`` is ``micro`` or ``macro:<breakdown>`` (mean over that breakdown's values);
    ``breakdowns`` defaults to all groups that the records name; ``seconds`` is wall time;
    ``expected`` is how many questions the request asks: a run that has fewer, or any failure, is
    not ``complete``. Raises RequestError for an unknown denominator or aggregate.
    """
    ordered = sorted(records, key=lambda record: record.question)
    unlabelled = sum(not _labelled(record) for record in ordered)
    judged = [record for record in ordered if _labelled(record)]
    counted = counted_under(denominator, judged)
    failed = sum(record.status == "failed" for record in ordered)
    overall = estimate(counted, aggregate)
    names = breakdowns if breakdowns is not None else group_names(ordered)
    return {
        "task": task,
        "model": model,
        "frames": frames,
        "n": overall.n,
        "clusters": overall.clusters,
        "scored": sum(record.status == "scored" for record in ordered),
        "unread": sum(record.status == "unread" for record in ordered),
        "failed": failed,
        "unlabelled": unlabelled,
        "accuracy": _number(overall.value),
        "half_width": _number(overall.half_width),
        "bounds": _bounds(counted, judged, aggregate) if failed else None,
        "denominator": denominator,
        "aggregate": aggregate,
        "complete": failed == 0 and expected is not None and len(ordered) == expected,
        "expected": expected,
        "seconds": round(seconds, 3),
        "subtitles": _subtitles(ordered),
        "by": {name: _by(counted, name) for name in names},
        **(extra or {}),
    }


def counted_under(denominator: str, records: Iterable[Record]) -> list[Record]:
    """The records that ``denominator`` counts. Raises RequestError for an unknown name."""
    if denominator not in DENOMINATORS:
        raise RequestError(
            f"denominator={denominator}: unknown; choose one of {', '.join(DENOMINATORS)}"
        )
    return [record for record in records if DENOMINATORS[denominator](record)]


def estimate(records: Sequence[Record], aggregate: str = "micro") -> Estimate:
    """The headline estimate; an unread record counts as 0."""
    scores, videos = [score_of(r) for r in records], [r.video for r in records]
    if aggregate == "micro":
        return stats.accuracy(scores, videos)
    kind, _, name = aggregate.partition(":")
    if kind != "macro" or not name:
        raise RequestError(f"aggregate={aggregate}: write micro or macro:<breakdown>")
    return stats.macro(scores, videos, [r.groups.get(name, "") for r in records])


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


def _labelled(record: Record) -> bool:
    """False for an answer whose gold is hidden (EgoSchema's full set): nothing to score."""
    return record.status != "scored" or record.score is not None


def _by(records: Sequence[Record], name: str) -> dict[str, dict[str, Any]]:
    table = {}
    for value in in_order(r.groups[name] for r in records if name in r.groups):
        part = estimate([r for r in records if r.groups.get(name) == value])
        table[value] = {
            "n": part.n,
            "accuracy": _number(part.value),
            "half_width": _number(part.half_width),
        }
    return table


def _bounds(
    counted: Sequence[Record], judged: Sequence[Record], aggregate: str
) -> dict[str, float | None]:
    """The headline, had every failed question been answered wrongly, or rightly."""
    failed = [record for record in judged if record.status == "failed"]
    everything = [*counted, *failed]
    videos = [r.video for r in everything]
    name = aggregate.partition(":")[2]
    groups = [r.groups.get(name, "") if name else "" for r in everything]
    low, high = (
        stats.macro([score_of(r) for r in counted] + [worth] * len(failed), videos, groups)
        for worth in (0.0, 1.0)
    )
    return {"low": _number(low.value), "high": _number(high.value)}


def _subtitles(records: Sequence[Record]) -> dict[str, int] | None:
    """How many questions were shown subtitles, of those whose protocol shows any; else None."""
    shown = [record.subtitles for record in records if record.subtitles is not None]
    return {"questions": len(shown), "with": sum(n > 0 for n in shown)} if shown else None


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
