"""From records to numbers: how a benchmark's scores add up, with their intervals, in one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness import stats
from harness.types import Estimate, Record

Counted = Literal["all", "answered", "nonempty"]


@dataclass(frozen=True)
class Mean:
    """The mean of one score over questions, or over the values of groups.

    ``value`` is the score's name in ``Score.values``; ``name`` what reports call it (default: the
    same); ``unit`` "%" for scores in 0..1. ``low`` and ``high`` bound a score (None: unbounded).
    ``macro`` averages the values of a group first, unweighted; several groups nest from the inside
    out: ("level", "task") averages levels within a task, then tasks. ``counted``: whether unparsed
    responses count as ``low`` ("all"), are left out ("answered"), or count unless blank
    ("nonempty").
    """

    value: str
    name: str = ""
    unit: str = "%"
    low: float | None = 0.0
    high: float | None = 1.0
    macro: tuple[str, ...] = ()
    counted: Counted = "all"
    higher_is_better: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name or self.value)

    def estimate(self, records: Sequence[Record]) -> Estimate:
        """Value and 95% interval, clustered by video."""
        raise NotImplementedError
