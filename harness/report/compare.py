"""Runs against each other on the questions both answered: paired, per part, per question."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness import stats
from harness.errors import RequestError
from harness.estimates import LOST, difference_of, estimate
from harness.metrics import Mean, Summing, Unit, estimated
from harness.report import tables
from harness.report.breakdowns import in_order
from harness.report.comparable import asked, differences
from harness.report.runs import Run
from harness.run import journal
from harness.run.uncollected import uncollected
from harness.stats import Paired
from harness.types import Estimate, Metric, Record

OVERALL = "overall"
_NAMED = 5
"""How many differences in what two runs were asked a note names."""


@dataclass(frozen=True)
class Difference:
    """One line: the second run minus the first, on one part of the questions.

    ``before`` and ``after`` are the headline over the questions that count in both; ``holm`` is
    ``paired.p`` adjusted: headlines among all compared runs, parts among all parts; p is NaN
    where the interval is unknown. ``detectable`` is infinite where not even the largest possible
    difference would be found.
    """

    second: str
    part: str
    before: float
    after: float
    paired: Paired
    holm: float
    detectable: float


@dataclass(frozen=True)
class Flip:
    """A question on which two runs score differently: its target, both answers and scores."""

    second: str
    question: str
    video: str
    target: str
    before: str
    after: str
    gained: bool


@dataclass(frozen=True)
class Comparison:
    """The first run against each other one, in its ``unit`` ("%": values 0..1 are shown times 100).

    ``notes`` say what else differs between them.
    """

    first: str
    unit: str
    differences: tuple[Difference, ...]
    flips: tuple[Flip, ...]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        """The page that ``harness compare`` prints."""
        from harness.report import compared

        return compared.markdown(self)


Both = Sequence[tuple[Record, Record]]
Units = Mapping[Hashable, Unit]


@uncollected()
def compare(runs: Sequence[Run]) -> Comparison:
    """The first of ``runs`` against each of the others, under the first one's headline.

    A question that either run lost (failed, truncated, unscored) is left out. Raises RequestError
    when two runs share no question, or disagree on what is right.
    """
    first, *others = runs
    headline, labels = first.metrics[0], _labels(runs)
    pairs = [(label, _pair(first, run)) for label, run in zip(labels[1:], others, strict=True)]
    headlines = [_overall(headline, label, both) for label, both in pairs]
    parts = [found for label, both in pairs for found in _parts(headline, label, both)]
    return Comparison(
        labels[0],
        headline.unit,
        (*_adjusted(headlines), *_adjusted(parts)),
        tuple(flip for label, both in pairs for flip in _flips(headline, label, both)),
        tuple(note for run in others for note in _notes(first, run)),
    )


def _pair(first: Run, second: Run) -> Both:
    before, after = ({record.key: record for record in run.records} for run in (first, second))
    common = [key for key in before if key in after]
    if not common:
        raise RequestError(
            f"{first.folder} and {second.folder} share no question; compare runs of one benchmark"
        )
    for key in common:
        one, other = before[key].question.target, after[key].question.target
        if one != other:
            raise RequestError(
                f"question {key!r}: the right answer is {one!r} in {first.folder} and "
                f"{other!r} in {second.folder}; these runs are of different data"
            )
    return [
        (before[key], after[key])
        for key in common
        if before[key].status not in LOST and after[key].status not in LOST
    ]


def _overall(headline: Metric, label: str, both: Both) -> Difference:
    before, after = [one for one, _ in both], [other for _, other in both]
    if isinstance(headline, Summing):
        return _of_units(headline, label, OVERALL, headline.units(before), headline.units(after))
    values = estimate(headline, before), estimate(headline, after)
    return _described(label, OVERALL, values, _unpaired(*values))


def _of_units(headline: Summing, label: str, name: str, one: Units, other: Units) -> Difference:
    """Over the units that count in both runs, so that after - before is the difference: a rule may
    leave out other questions in each."""
    one = {key: unit for key, unit in one.items() if key in other}
    other = {key: other[key] for key in one}
    values = [estimated(some, headline.low, headline.high) for some in (one, other)]
    low, high = headline.low, headline.high
    reach = None if low is None or high is None else high - low
    return _described(label, name, values, difference_of(headline, one, other), reach)


def _described(
    label: str,
    name: str,
    values: Sequence[Estimate],
    found: Paired,
    reach: float | None = None,
) -> Difference:
    """``reach``: how far two values can lie apart (None: without bound)."""
    before, after = (value.value for value in values)
    if math.isnan(found.difference.ci95[0]):  # one video, say: there was nothing to test by
        found = replace(found, p=math.nan)
    detectable = stats.minimum_detectable(found.difference)
    if reach is not None and detectable > reach:
        detectable = math.inf
    return Difference(label, name, before, after, found, found.p, detectable)


def _unpaired(before: Estimate, after: Estimate) -> Paired:
    """For a metric that is no mean: the difference of its values, without an interval."""
    found = Estimate(after.value - before.value, (math.nan, math.nan), after.n, after.clusters)
    return Paired(found, 0, 0, math.nan, math.nan)


def _parts(headline: Metric, label: str, both: Both) -> list[Difference]:
    """Question by question, never macro. A metric whose units are no questions, or none at all, is
    taken over each part's records again."""
    found: dict[str, dict[str, list[tuple[Record, Record]]]] = {}
    for pair in both:
        for name, values in pair[0].question.groups.items():
            for value in values:
                found.setdefault(name, {}).setdefault(value, []).append(pair)
    one = other = None
    if isinstance(headline, Mean):
        rule = replace(headline, macro=())
        one, other = (rule.units([pair[side] for pair in both]) for side in (0, 1))
    made = []
    for name, parts in found.items():
        for value in in_order(parts):
            title = f"{name}: {value}"
            if one is None or other is None or not isinstance(headline, Mean):
                made.append(replace(_overall(headline, label, parts[value]), part=title))
                continue
            keys = dict.fromkeys(pair[0].question.id for pair in parts[value])
            before: Units = {key: one[key] for key in keys if key in one}
            after: Units = {key: other[key] for key in keys if key in other}
            made.append(_of_units(headline, label, title, before, after))
    return made


def _adjusted(found: Sequence[Difference]) -> list[Difference]:
    adjusted = stats.holm([d.paired.p for d in found])
    return [replace(d, holm=p) for d, p in zip(found, adjusted, strict=True)]


def _flips(headline: Metric, label: str, both: Both) -> list[Flip]:
    value = headline.value if isinstance(headline, Summing) else headline.name
    rule = replace(headline, macro=()) if isinstance(headline, Mean) else Mean(value, low=0.0)
    found = []
    for before, after in sorted(both, key=lambda pair: pair[0].key):
        one, other = rule.worth(before), rule.worth(after)
        if one is None or other is None or one == other:
            continue
        better = (other > one) == headline.higher_is_better
        target = tables.plain(before.question.target)
        said = _answer(before), _answer(after)
        found.append(Flip(label, before.key, before.video, target, *said, better))
    return found


def _answer(record: Record) -> str:
    return tables.plain(record.score.answer if record.score else None)


def _notes(first: Run, second: Run) -> list[str]:
    notes = []
    if differs := journal.difference(asked(first), asked(second), ("first", "second"), _NAMED):
        notes.append(f"not asked alike ({second.model}): {differs}")
    told = differences([first, second])
    if told[first.id] != told[second.id] and first.model == second.model:
        notes.append(f"other settings: {told[first.id] or '—'} against {told[second.id] or '—'}")
    for run in (first, second):
        if not run.complete:
            notes.append(f"{run.model} ({run.id}) is incomplete")
    return notes


def _labels(runs: Sequence[Run]) -> list[str]:
    """The shortest names that tell the runs apart."""
    for name in (
        lambda run: run.model,
        lambda run: f"{run.model}, {run.frames} frames",
        lambda run: f"{run.model} {run.id}",
    ):
        labels = [str(name(run)) for run in runs]
        if len(set(labels)) == len(labels):
            return labels
    return [f"{run.model} {run.folder}" for run in runs]
