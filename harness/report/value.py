"""One metric of a run with all that it has to be seen beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.estimates import bounds, chance, estimate, left_out
from harness.report.numbers_json import estimate_from, estimate_json, optional, pair
from harness.types import Estimate, Metric, Record


@dataclass(frozen=True)
class Value:
    """One metric of a run: its estimate and what it has to be seen beside.

    ``chance`` is what guessing scores (None: not known for every question); ``bounds`` what the
    value could be had the failed, truncated and unscored questions been scored (None: there are
    none, or the metric has no bounds); ``left_out`` counts unparsed responses that are in neither,
    for an unbounded metric has no worst score to give them.
    """

    estimate: Estimate
    unit: str = "%"
    higher_is_better: bool = True
    chance: float | None = None
    bounds: tuple[float, float] | None = None
    left_out: int = 0

    def to_json(self) -> dict[str, Any]:
        """As in summary.json."""
        return {
            **estimate_json(self.estimate),
            "unit": self.unit,
            "higher_is_better": self.higher_is_better,
            "chance": self.chance,
            "bounds": list(self.bounds) if self.bounds else None,
            **({"left_out": self.left_out} if self.left_out else {}),
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Value:
        """The inverse. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            estimate_from(plain),
            str(plain["unit"]),
            bool(plain.get("higher_is_better", True)),
            optional(plain.get("chance")),
            pair(plain.get("bounds")),
            int(plain.get("left_out", 0)),
        )


def value_of(metric: Metric, records: Sequence[Record], scorer: object = None) -> Value:
    """A metric over a run's records: the one place from which every view takes its number."""
    return Value(
        estimate(metric, records),
        metric.unit,
        metric.higher_is_better,
        chance(metric, scorer, records),
        bounds(metric, records),
        left_out(metric, records),
    )
