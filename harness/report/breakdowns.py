"""Records by the groups of their questions, in the order in which a reader expects them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.estimates import part
from harness.types import Estimate, Metric, Record

_KNOWN_ORDER = {"short": 0, "medium": 1, "long": 2}


def group_names(records: Iterable[Record]) -> list[str]:
    """The breakdowns that the records name, in the order in which they name them."""
    return list(dict.fromkeys(name for record in records for name in record.question.groups))


def breakdown(records: Iterable[Record], group: str) -> dict[str, list[Record]]:
    """Records by the values of one group, as a reader expects them; one with several counts in
    each."""
    found: dict[str, list[Record]] = {}
    for record in records:
        for value in record.question.groups.get(group, ()):
            found.setdefault(value, []).append(record)
    return {value: found[value] for value in in_order(found)}


def in_order(values: Iterable[str]) -> list[str]:
    """Breakdown values as a reader expects them: short, medium, long; 15, 60, 600; a, b, c."""

    def key(value: str) -> tuple[int, float, str]:
        if value in _KNOWN_ORDER:
            return 0, _KNOWN_ORDER[value], value
        return (1, float(value), value) if value.isdecimal() else (2, 0.0, value)

    return sorted(set(values), key=key)


def by_group(
    records: Sequence[Record], group: str, metrics: Sequence[Metric]
) -> dict[str, dict[str, Estimate]]:
    """Every metric over each value of a group."""
    return {
        value: {metric.name: part(metric, some) for metric in metrics}
        for value, some in breakdown(records, group).items()
    }
