"""The gate that may stop early: a run held against its baseline clip by clip, in a fixed random
order, until it is sure to be worse, or sure to be as good."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.errors import RequestError
from harness.metrics import Summing, Unit, weights
from harness.report import tables
from harness.report.baseline import Side
from harness.report.gate import check as check_all
from harness.report.gate import shown
from harness.report.gate_rules import Check, Rules
from harness.run.scoring import score_records
from harness.stats import sequential
from harness.task import Task
from harness.types import Clip, Estimate, Record, Scorer


@dataclass
class Early:
    """A gate at work. ``order`` are the clips in the order to ask them; ``take`` each one's records
    until ``verdict`` is not "undecided".

    Only questions that count in the baseline are looked at. One that the run lost counts as the
    worst there is, so that a run cannot pass by failing. A macro headline gives each question the
    weight that it has there.
    """

    baseline: Side
    rules: Rules
    seed: int = 0
    _steps: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        headline = self.baseline.headline
        if not isinstance(headline, Summing) or headline.low is None or headline.high is None:
            raise RequestError(
                f"{headline.name}: --sequential needs a headline that is a mean of bounded scores"
            )
        self._rule, self._reach = headline, headline.high - headline.low
        self._better = 1.0 if headline.higher_is_better else -1.0
        self._worst = headline.low if headline.higher_is_better else headline.high
        known = [shown(r) for key, r in self.baseline.records.items() if self.baseline.counts(key)]
        if not known:
            raise RequestError(f"{self.baseline.label}: holds no scored question to gate on")
        self._before: Mapping[Hashable, Unit] = headline.units(known)
        self._weight = _weights(self._before)
        sizes: dict[str, float] = {}
        for key, unit in self._before.items():
            sizes[unit.video] = sizes.get(unit.video, 0.0) + self._weight[key]
        self.order = sequential.order(sizes, self.seed)
        self._asked = {record.key: record.question for record in known}
        self._drop = self.rules.drop_of(headline) or 0.0
        self._test = sequential.Sequential(sizes, self._drop, self.rules.alpha, self._reach)

    @property
    def verdict(self) -> sequential.Verdict:
        """What is known by now."""
        return self._test.verdict

    @property
    def asked(self) -> Sequence[str]:
        """The clips taken in so far."""
        return self._test.asked

    def take(self, clip: str, records: Sequence[Record]) -> sequential.Verdict:
        """Takes in a clip's records; those of other clips are passed over."""
        known = [
            replace(record, question=self._asked[record.key])
            for record in records
            if record.video == clip and record.key in self._asked
        ]
        after = self._rule.units(known)
        difference = size = 0.0
        for key, unit in self._before.items():
            if unit.video == clip:
                value = after[key].value if key in after else self._worst
                difference += self._better * (value - unit.value) * self._weight[key]
                size += self._weight[key]
        self._steps.append((difference, size))
        return self._test.add(clip, difference, size)

    def estimate(self) -> Estimate:
        """The difference over the clips asked, with an interval valid at whatever moment."""
        total = sum(size for _, size in self._steps)
        found = sequential.interval(
            [difference for difference, _ in self._steps],
            [size for _, size in self._steps],
            alpha=self.rules.alpha,
            reach=self._reach,
        )
        value = sum(difference for difference, _ in self._steps) / total
        return Estimate(value, found, round(total), len(self._steps))

    def said(self) -> Check:
        """The verdict as one of the gate's checks."""
        unit, found = self._rule.unit, self.estimate()
        seen, every = len(self.asked), len(self.order)
        detail = (
            f"{self.verdict} after {seen} of {every} clips: {self._rule.name} "
            f"{tables.interval(found, unit, signed=True)} (valid at any time), tolerated drop "
            f"{tables.number(self._drop, unit)}, alpha {self.rules.alpha:g}"
        )
        return Check("no drop (sequential)", self.verdict == "as good", detail)


class Stopper:
    """Ends a run as soon as the gate knows enough (``harness.run.loop.Stopping``).

    Clips may be answered in another order than they were handed out; they are taken in in the fixed
    order all the same, as soon as all before them are there. Raises RequestError for a task whose
    scores need a judge.
    """

    def __init__(self, early: Early, task: Task) -> None:
        if not isinstance(task.scorer, Scorer):
            raise RequestError(
                f"{task.name}: its scores need a judge, so --sequential cannot look at them as the "
                "run goes on; make the whole run, then gate it"
            )
        self._early, self._task = early, task
        self._left: dict[str, set[str]] = {}
        self._records: dict[str, dict[str, Record]] = {}
        for key, record in early.baseline.records.items():
            if early.baseline.counts(key):
                self._left.setdefault(record.video, set()).add(key)
        self._next = 0

    def arrange(self, clips: Sequence[Clip]) -> list[Clip]:
        """In the fixed order; clips that the baseline does not hold come last."""
        place = {clip: i for i, clip in enumerate(self._early.order)}
        return sorted(clips, key=lambda clip: place.get(clip.id, len(place)))

    def enough(self, record: Record) -> bool:
        """Takes in a record as it was answered; whether the verdict is known."""
        self._records.setdefault(record.video, {})[record.key] = record
        self._left.get(record.video, set()).discard(record.key)
        order = self._early.order
        while self._early.verdict == "undecided" and self._next < len(order):
            clip = order[self._next]
            if self._left[clip] or clip not in self._records:
                return False
            records = list(self._records.pop(clip).values())
            self._early.take(clip, score_records(self._task, records))
            self._next += 1
        return self._early.verdict != "undecided"


def check(baseline: Side, run: Side, rules: Rules | None = None, *, seed: int = 0) -> list[Check]:
    """The gate's checks from as few clips of a run as are needed; all of it where they are not
    enough, with the checks of fixed size. A run that holds only the first clips of the order is
    checked on these."""
    rules = rules or Rules()
    early = Early(baseline, rules, seed)
    by_clip: dict[str, list[Record]] = {}
    for record in run.records.values():
        by_clip.setdefault(record.video, []).append(record)
    for clip in early.order:
        if clip not in by_clip or early.take(clip, by_clip[clip]) != "undecided":
            break
    if early.verdict == "undecided":
        return check_all(baseline, run, rules)
    asked = set(early.asked)
    some = [
        replace(side, records={k: r for k, r in side.records.items() if r.video in asked})
        for side in (baseline, run)
    ]
    fixed = check_all(some[0], some[1], replace(rules, tolerances={}, waivers=()))
    kept = ("request unchanged", "coverage kept", "answers unchanged")
    checks = [found for found in fixed if found.name in kept]
    return [*checks[:2], early.said(), *checks[2:]]


def _weights(units: Mapping[Hashable, Unit]) -> dict[Hashable, float]:
    """What each unit counts in the headline; 1 on average."""
    sizes = Counter(leaf for unit in units.values() for leaf in unit.leaves)
    shares = weights(sizes)
    return {
        key: sum(shares[leaf] / sizes[leaf] for leaf in unit.leaves) * len(units)
        for key, unit in units.items()
    }
