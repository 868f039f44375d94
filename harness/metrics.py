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
from harness.scoring.groups import group_score
from harness.types import Estimate, Guessing, Metric, Record, Score

Counted = Literal["all", "answered", "nonempty"]
"""Which records count. ``all``: every response that was not cut off; an unparsed one has the worst
score (the default; lmms-eval's Video-MME). ``answered``: unparsed ones are left out (Video-MME's
own scorer). ``nonempty``: blank ones are left out, other unparsed ones have the worst score
(lmms-eval's MVBench)."""

LOST = ("failed", "truncated", "unscored")
"""The statuses that are in no value, and therefore in its bounds."""

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

    def estimate(self, records: Sequence[Record]) -> Estimate:
        """Value and 95% interval, clustered by video."""
        return estimated(self.units(records), self.low, self.high)

    def units(self, records: Sequence[Record]) -> Mapping[Hashable, Unit]:
        """One unit a question (by its id) that counts."""
        asked: dict[str, tuple[Record, list[float]]] = {}
        for record in records:
            worth = self.worth(record)
            if worth is not None:
                asked.setdefault(record.question.id, (record, []))[1].append(worth)
        units: dict[Hashable, Unit] = {
            id: Unit(
                values[0] if len(values) == 1 else fmean(values), first.video, self._leaves(first)
            )
            for id, (first, values) in asked.items()
        }
        return {id: unit for id, unit in units.items() if unit.leaves} if self.macro else units

    def worth(self, record: Record) -> float | None:
        """A record's score as it counts; None when it does not."""
        if not self.applies(record):
            return None
        if record.status == "scored" and record.score is not None:
            return record.score.values.get(self.value)
        if record.status != "unparsed" or self.counted == "answered" or _hidden(record):
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
        if not self.macro:
            return ((),)
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
    """The mean of units over their leaves, with its interval."""
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


def part(metric: Metric, records: Sequence[Record]) -> Estimate:
    """The metric over one part of a breakdown: never macro there, and a custom metric as it is."""
    if isinstance(metric, Mean):
        return replace(metric, macro=()).estimate(records)
    return metric.estimate(records)


def flat(units: Mapping[Hashable, Unit]) -> dict[Hashable, Unit]:
    """The same units, each counting once: for one part of a breakdown, which is never macro."""
    return {key: Unit(unit.value, unit.video) for key, unit in units.items()}


def difference(
    metric: Metric, first: Sequence[Record], second: Sequence[Record], *, micro: bool = False
) -> stats.Paired | None:
    """``second`` minus ``first`` under a metric, over what counts in both; ``micro`` for a part of
    a breakdown. Questions that are ``gained`` became better, whichever way that is. None for a
    metric that is no mean of units."""
    if micro and isinstance(metric, Mean):
        metric = replace(metric, macro=())
    if not isinstance(metric, Summing):
        return None
    return difference_of(metric, metric.units(first), metric.units(second))


def difference_of(
    metric: Summing, before: Mapping[Hashable, Unit], after: Mapping[Hashable, Unit]
) -> stats.Paired:
    """The same from two runs' units. ``gained`` became better, whichever way that is."""
    common = {key: unit for key, unit in before.items() if key in after}
    reach = None if metric.low is None or metric.high is None else metric.high - metric.low
    found = stats.paired(
        {key: unit.value for key, unit in common.items()},
        {key: after[key].value for key in common},
        {key: unit.video for key, unit in common.items()},
        {key: unit.leaves for key, unit in common.items()},
        weights(leaf for unit in common.values() for leaf in unit.leaves),
        reach=reach,
    )
    if getattr(metric, "higher_is_better", True):
        return found
    return replace(found, gained=found.lost, lost=found.gained)


def bounds(metric: Metric, records: Sequence[Record]) -> tuple[float, float] | None:
    """The metric had every failed, truncated or unscored question the lowest score, or the highest.

    (low, high); None when there is no such question, or no such bound.
    """
    if not isinstance(metric, Summing) or metric.low is None or metric.high is None:
        return None
    kept = [r for r in records if r.status in ("scored", "unparsed")]
    unlabelled = any(_hidden(r) and r.score and metric.value in r.score.values for r in kept)
    lost = [r for r in records if r.status in LOST and (unlabelled or not _hidden(r))]
    if not lost:
        return None
    low, high = (
        metric.estimate([*kept, *(_given(r, {metric.value: worth}) for r in lost)]).value
        for worth in (metric.low, metric.high)
    )
    return None if math.isnan(low) else (low, high)


def left_out(metric: Metric, records: Sequence[Record]) -> int:
    """Unparsed responses that are in neither the value nor its bounds: a ``Mean`` without a worst
    score has none to give them. What its ``counted`` leaves out by rule is not among them."""
    if not isinstance(metric, Mean) or metric.counted == "answered":
        return 0
    if (metric.low if metric.higher_is_better else metric.high) is not None:
        return 0
    whole = replace(metric, low=0.0, high=0.0)
    return sum(r.status == "unparsed" and whole.worth(r) is not None for r in records)


def chance(metric: Metric, scorer: object, records: Sequence[Record]) -> float | None:
    """What guessing scores under the metric over the questions whose labels are known.

    None unless the scorer knows it for every such question that the metric is about.
    """
    if not isinstance(scorer, Guessing):
        return None
    guesses = []
    value_name = metric.value if isinstance(metric, Summing) else None  # slow to ask: once
    for record in records:
        if _hidden(record) or (isinstance(metric, Mean) and not metric.applies(record)):
            continue
        expected = scorer.chance(record.question)
        if expected is None or (value_name is not None and value_name not in expected):
            return None
        guesses.append(_given(record, expected))
    value = metric.estimate(guesses).value
    return None if math.isnan(value) else value


def _group_points(four: Sequence[tuple[str, float, Record]]) -> float:
    groups = four[0][2].question.groups
    kind, structure = ("".join(groups.get(name, ())) for name in ("group_type", "group_structure"))
    return group_score(kind, structure, [worth for _, worth, _ in four])


def _given(record: Record, values: Mapping[str, float]) -> Record:
    return replace(record, score=Score(values), status="scored")


def _hidden(record: Record) -> bool:
    return record.question.target is None
