"""From records to numbers: how a benchmark's scores add up, with their intervals, in one place.

``Mean`` serves nearly every benchmark; ``GroupScore`` is Video-MME-v2's. A metric of one's own
needs a name, a unit, a direction and ``estimate``; with ``units`` as well (see ``Summing``),
reports can also compare runs, bound what failed and break it down.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from statistics import fmean
from typing import Literal, Protocol, runtime_checkable

from harness import stats
from harness.errors import DataError
from harness.scoring.groups import group_score
from harness.types import Estimate, Record

Counted = Literal["all", "answered", "nonempty"]
"""Which records count. ``all``: every response that was not cut off; an unparsed one has the worst
score (the default; lmms-eval's Video-MME). ``answered``: unparsed ones are left out (Video-MME's
own scorer). ``nonempty``: blank ones are left out, other unparsed ones have the worst score
(lmms-eval's MVBench)."""

Path = tuple[Hashable, ...]
"""A leaf of nested groups: its values from the outermost group to the innermost."""


@dataclass(frozen=True)
class Unit:
    """What a headline averages: a value, the video it comes from, and the leaves it counts in."""

    value: float
    video: str
    leaves: tuple[Path, ...] = ((),)


@runtime_checkable
class Summing(Protocol):
    """A metric that is a mean of units, macro or not. Optional.

    ``low`` and ``high`` bound a unit's value (None: no bound), ``value`` is the score it reads.
    """

    @property
    def value(self) -> str: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...

    def units(self, records: Sequence[Record]) -> Mapping[Hashable, Unit]:
        """What counts, by a key that is the same in every run of the task."""
        ...


@dataclass(frozen=True)
class Mean:
    """The mean of one score over questions, or over the values of groups.

    ``value`` is the score's name in ``Score.values``; ``name`` what reports call it (default: the
    same); ``unit`` "%" for scores in 0..1. ``low`` and ``high`` bound a score (None: unbounded; an
    unparsed response then has no worst score and is left out, which summaries say: ``left_out``).
    ``macro`` averages the values of a group first, unweighted; several groups nest from the inside
    out: ("level", "task") averages levels within a task, then tasks (a task without levels counts
    as it is). ``counted``: whether unparsed responses have the worst score ("all"), are left out
    ("answered"), or have the worst score unless blank ("nonempty"). ``where`` restricts the metric
    to the questions that are in all of these groups: {"kind": "numeric"}.

    A question that was asked several times counts once, with the mean of its scores. One whose
    label is hidden never counts, unless the scorer gave it a value without one.
    """

    value: str
    name: str = ""
    unit: str = "%"
    low: float | None = 0.0
    high: float | None = 1.0
    macro: tuple[str, ...] = ()
    counted: Counted = "all"
    higher_is_better: bool = True
    where: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name or self.value)
        refuse_scale(self.low, self.high)

    def estimate(self, records: Sequence[Record]) -> Estimate:
        """Value and 95% interval, clustered by video."""
        return estimated(self.units(records), self.low, self.high)

    def units(self, records: Sequence[Record]) -> Mapping[Hashable, Unit]:
        """One unit a question (by its id) that counts."""
        worths = ((record, self.worth(record)) for record in records)
        return self.units_of((record, worth) for record, worth in worths if worth is not None)

    def units_of(self, worths: Iterable[tuple[Record, float]]) -> Mapping[Hashable, Unit]:
        """The same of records that have these scores."""
        asked: dict[str, tuple[Record, list[float]]] = {}
        for record, worth in worths:
            id = record.question.id
            if id in asked:
                asked[id][1].append(worth)
            else:
                asked[id] = (record, [worth])
        if not self.macro:
            return {
                id: Unit(values[0] if len(values) == 1 else fmean(values), first.video)
                for id, (first, values) in asked.items()
            }
        units = {
            id: Unit(fmean(values), first.video, self._leaves(first))
            for id, (first, values) in asked.items()
        }
        return {id: unit for id, unit in units.items() if unit.leaves}

    def worth(self, record: Record) -> float | None:
        """A record's score as it counts; None when it does not."""
        if self.where and not self.applies(record):
            return None
        if record.status == "scored" and record.score is not None:
            return record.score.values.get(self.value)
        if record.status != "unparsed" or self.counted == "answered" or hidden(record):
            return None
        blank = record.response is None or not record.response.text.strip()
        if self.counted == "nonempty" and blank:
            return None
        return self.low if self.higher_is_better else self.high

    def applies(self, record: Record) -> bool:
        """Whether the metric is about this question at all."""
        if not self.where:
            return True
        groups = record.question.groups
        return all(value in groups.get(name, ()) for name, value in self.where.items())

    def _leaves(self, record: Record) -> tuple[Path, ...]:
        """Outermost value first. A record counts in every combination of its groups' values, and
        in none when it has no value of the outermost."""
        groups = record.question.groups
        *inner, outermost = (groups.get(name, ()) for name in self.macro)
        chain = [outermost, *([values or (None,) for values in reversed(inner)])]
        return tuple(dict.fromkeys(product(*chain)))


@dataclass(frozen=True)
class GroupScore:
    """Video-MME-v2's non-linear score: the mean over videos of what their four questions earn.

    A video of which a question does not count is left out: its group cannot be scored. Rotated and
    repeated askings make groups of their own. ``value`` names a 0/1 score.
    """

    value: str = "accuracy"
    name: str = "group_score"
    unit: str = "%"
    higher_is_better: bool = True
    low: float = 0.0
    high: float = 1.0

    def estimate(self, records: Sequence[Record]) -> Estimate:
        """Over the questions of the videos that count, clustered by video: linear in time."""
        units = self.units(records)
        found = estimated(units, self.low, self.high)
        return replace(found, n=4 * found.n)

    def units(self, records: Sequence[Record]) -> Mapping[Hashable, Unit]:
        """One unit a group of four, by video, rotation and repeat."""
        rule = Mean(self.value)
        fours: dict[tuple[str, int, int], list[tuple[str, float, Record]]] = {}
        for record in records:
            worth = rule.worth(record)
            if worth is not None:
                question = record.question
                key = (record.video, question.rotation, question.repeat)
                position = "".join(question.groups.get("position", ()))
                fours.setdefault(key, []).append((position, worth, record))
        return {
            key: Unit(_group_points(sorted(four, key=lambda found: found[0])), key[0])
            for key, four in fours.items()
            if len(four) == 4
        }


def estimated(
    units: Mapping[Hashable, Unit], low: float | None = 0.0, high: float | None = 1.0
) -> Estimate:
    """The mean of units over their leaves, with its interval. Raises DataError for a unit whose
    value is outside the bounds."""
    for key, unit in units.items():
        if (end := stats.beyond(unit.value, low, high)) is not None:
            raise DataError(
                f"{key}: its value {unit.value:g} is beyond its metric's {end:g}: set the metric's "
                "low or high, or harness score RUN (it is unscored then)"
            )
    cases = [(unit, leaf) for unit in units.values() for leaf in unit.leaves]
    found = stats.macro(
        [unit.value for unit, _ in cases],
        [unit.video for unit, _ in cases],
        [leaf for _, leaf in cases],
        weights(leaf for _, leaf in cases),
        low=low,
        high=high,
    )
    return replace(found, n=len(units))


def refuse_scale(low: float | None, high: float | None) -> None:
    """Raises ValueError for bounds that no score could be between."""
    for name, bound in (("low", low), ("high", high)):
        if bound is not None and not math.isfinite(bound):
            raise ValueError(f"{name}={bound}: write null where scores have no such bound")
    if low is not None and high is not None and low >= high:
        raise ValueError(f"low={low:g} and high={high:g}: low has to be less than high")


def weights(leaves: Iterable[Path]) -> dict[Hashable, float]:
    """Each leaf's weight: every level of the nesting shares its weight out evenly."""
    known = list(dict.fromkeys(leaves))
    children: dict[Path, set[Hashable]] = {}
    for leaf in known:
        for depth, value in enumerate(leaf):
            children.setdefault(leaf[:depth], set()).add(value)
    return {
        leaf: math.prod(1 / len(children[leaf[:depth]]) for depth in range(len(leaf)))
        for leaf in known
    }


def _group_points(four: Sequence[tuple[str, float, Record]]) -> float:
    groups = four[0][2].question.groups
    kind, structure = ("".join(groups.get(name, ())) for name in ("group_type", "group_structure"))
    return group_score(kind, structure, [worth for _, worth, _ in four])


def hidden(record: Record) -> bool:
    """Whether the label of the question is not known."""
    return record.question.target is None
