"""What reports ask of any metric: its value over a part of a breakdown, the difference of two runs,
the bounds that what was lost puts on it, and what guessing would score."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace

from harness import stats
from harness.metrics import Mean, Summing, Unit, estimated, hidden, weights
from harness.returned import chance_of, estimate_of
from harness.types import Estimate, Guessing, Metric, Record, Score

LOST = ("failed", "truncated", "unscored")
"""The statuses that are in no value, and therefore in its bounds."""


def estimate(metric: Metric, records: Sequence[Record]) -> Estimate:
    """A metric over records. Raises RequestError for one that gives no estimate."""
    return estimate_of(metric.estimate(records), metric)


def part(metric: Metric, records: Sequence[Record]) -> Estimate:
    """The metric over one part of a breakdown: never macro there, and a custom metric as it is."""
    if isinstance(metric, Mean):
        return replace(metric, macro=()).estimate(records)
    return estimate(metric, records)


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
    unlabelled = any(hidden(r) and r.score and metric.value in r.score.values for r in kept)
    lost = [r for r in records if r.status in LOST and (unlabelled or not hidden(r))]
    if not lost:
        return None
    low, high = (
        estimate(metric, [*kept, *(_given(r, {metric.value: worth}) for r in lost)]).value
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
    whole = replace(metric, low=0.0, high=1.0)
    return sum(r.status == "unparsed" and whole.worth(r) is not None for r in records)


def chance(metric: Metric, scorer: object, records: Sequence[Record]) -> float | None:
    """What guessing scores under the metric over the questions whose labels are known.

    None unless the scorer knows it for every such question that the metric is about.
    """
    if not isinstance(scorer, Guessing):
        return None
    guesses: list[tuple[Record, Mapping[str, float]]] = []
    value_name = metric.value if isinstance(metric, Summing) else None  # slow to ask: once
    scales = {metric.value: (metric.low, metric.high)} if isinstance(metric, Mean) else {}
    for record in records:
        if hidden(record) or (isinstance(metric, Mean) and not metric.applies(record)):
            continue
        expected = chance_of(scorer.chance(record.question), scorer, scales)
        if expected is None or (value_name is not None and value_name not in expected):
            return None
        guesses.append((record, expected))
    if isinstance(metric, Mean):
        units = metric.units_of((record, values[metric.value]) for record, values in guesses)
        value = estimated(units, metric.low, metric.high).value
    else:
        value = estimate(metric, [_given(record, values) for record, values in guesses]).value
    return None if math.isnan(value) else value


def _given(record: Record, values: Mapping[str, float]) -> Record:
    return replace(record, score=Score(values), status="scored")
