"""The gate for continuous integration: is this run still as good as the baseline it answers to?"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from harness import stats
from harness.errors import RequestError
from harness.estimates import difference, difference_of
from harness.metrics import Mean, Unit
from harness.report import tables
from harness.report.baseline import Side
from harness.report.breakdowns import in_order
from harness.report.gate_request import listed, request_check
from harness.report.gate_rules import Check, Rules, Waiver
from harness.run.uncollected import uncollected
from harness.types import Metric, Record


@uncollected()
def check(
    baseline: Side, run: Side, rules: Rules | None = None, *, today: date | None = None
) -> list[Check]:
    """Everything the gate looks at. ``today`` decides which waivers still hold.

    Raises RequestError for a tolerance or waiver of something that is not there.
    """
    rules = rules or Rules()
    waived, day = {w.check: w for w in rules.waivers}, today or date.today()
    common = [key for key in baseline.records if baseline.counts(key) and run.counts(key)]
    parts = _by_part(baseline, common)
    names = ["request unchanged", "coverage kept", "no drop", "no part dropped", *parts]
    names += ["answers unchanged"] * rules.exact
    for name in (*rules.tolerances, *waived):
        if name not in names:
            raise RequestError(
                f"{name!r}: no such part or check here; there are {', '.join(names)}"
            )
    checks = [
        request_check(baseline, run, rules.ignore),
        _coverage(baseline, run),
        _drop(baseline, run, common, rules),
        _parts(baseline, run, parts, rules, _holding(waived, day)),
    ]
    checks += [_exact(baseline, run)] if rules.exact else []
    return [_waived(c, waived[c.name], day) if c.name in waived else c for c in checks]


def _holding(waived: Mapping[str, Waiver], day: date) -> Mapping[str, Waiver]:
    return {name: waiver for name, waiver in waived.items() if day <= waiver.until}


def _waived(found: Check, waiver: Waiver, day: date) -> Check:
    if found.passed:
        return replace(found, detail=f"{found.detail} (its waiver is not needed)")
    if day > waiver.until:
        return replace(found, detail=f"{found.detail}; its waiver ended on {waiver.until}")
    return Check(found.name, True, f"{found.detail}; waived until {waiver.until}: {waiver.reason}")


def _coverage(baseline: Side, run: Side) -> Check:
    wanted = [key for key in baseline.records if baseline.counts(key)]
    lost = [key for key in wanted if not run.counts(key)]
    detail = f"{len(wanted) - len(lost)} of {len(wanted)} questions answered"
    return Check("coverage kept", not lost and bool(wanted), detail + listed(lost, "; lost: "))


def _paired(
    headline: Metric, baseline: Side, run: Side, keys: Sequence[str], *, micro: bool = False
) -> stats.Paired:
    """A higher difference is better here, whichever way the metric goes."""
    before = [shown(baseline.records[key]) for key in keys]
    after = [replace(run.records[was.key], question=was.question) for was in before]
    found = difference(headline, before, after, micro=micro)
    if found is None:
        raise RequestError(
            f"{headline.name}: the gate compares means only; give the task another metric first"
        )
    return _better(headline, found)


def _paired_parts(
    headline: Metric, baseline: Side, run: Side, parts: Mapping[str, Sequence[str]]
) -> dict[str, stats.Paired]:
    """Each part's difference; what a question is worth is taken once, not for each of its parts."""
    if not isinstance(headline, Mean):
        return {
            name: _paired(headline, baseline, run, keys, micro=True) for name, keys in parts.items()
        }
    rule = replace(headline, macro=())
    keys = list(dict.fromkeys(key for some in parts.values() for key in some))
    before = [shown(baseline.records[key]) for key in keys]
    after = [replace(run.records[was.key], question=was.question) for was in before]
    one, other = rule.units(before), rule.units(after)
    found = {}
    for name, some in parts.items():
        ids = dict.fromkeys(baseline.records[key].question.id for key in some)
        was: dict[Hashable, Unit] = {id: one[id] for id in ids if id in one}
        now: dict[Hashable, Unit] = {id: other[id] for id in ids if id in other}
        found[name] = _better(headline, difference_of(rule, was, now))
    return found


def _better(headline: Metric, found: stats.Paired) -> stats.Paired:
    if headline.higher_is_better:
        return found
    change = found.difference
    low, high = change.ci95
    return replace(found, difference=replace(change, value=-change.value, ci95=(-high, -low)))


def shown(record: Record) -> Record:
    """A baseline of the first format kept no labels; what was scored there had one."""
    if record.question.target is not None or record.status != "scored":
        return record
    return replace(record, question=replace(record.question, target=""))


def _drop(baseline: Side, run: Side, common: Sequence[str], rules: Rules) -> Check:
    if not common:
        return Check("no drop", False, "no question was answered in both")
    headline = baseline.headline
    result = _paired(headline, baseline, run, common)
    change, p = result.difference, tables.probability(result.p)
    detail = (
        f"{headline.name} {tables.interval(change, headline.unit, signed=True)}, p = {p}, "
        f"{result.gained} gained, {result.lost} lost of {change.n}"
    )
    significant = change.value < 0 and result.p < rules.alpha
    most = rules.drop_of(headline)
    large = most is not None and change.value < -most - 1e-9
    if significant or large:
        limit = f"more than --max-drop {tables.number(most, headline.unit)}"
        detail += f": {f'significant at {rules.alpha:g}' if significant else limit}"
    elif change.value > 0 and result.p < rules.alpha:
        detail += ": better; make it the baseline with --update"
    return Check("no drop", not (significant or large or math.isnan(change.value)), detail)


def _by_part(baseline: Side, common: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key in common:
        for name, values in baseline.records[key].question.groups.items():
            for value in values:
                found.setdefault(f"{name}: {value}", []).append(key)
    return {name: found[name] for name in in_order(found)}


def _parts(
    baseline: Side,
    run: Side,
    parts: Mapping[str, Sequence[str]],
    rules: Rules,
    waived: Mapping[str, Waiver],
) -> Check:
    """A small part that breaks altogether can hide in the mean: each is tested, Holm-adjusted."""
    headline = baseline.headline
    results = _paired_parts(headline, baseline, run, parts)
    adjusted = stats.holm([result.p for result in results.values()])
    broken, passed_over = [], []
    for (name, result), p in zip(results.items(), adjusted, strict=True):
        change, allowed = result.difference, rules.tolerances.get(name, 0.0)
        if not (p < rules.alpha and change.value < -allowed - 1e-9 * bool(allowed)):
            continue
        said = f"{name} {tables.interval(change, headline.unit, signed=True)}"
        if name in waived:
            waiver = waived[name]
            passed_over.append(f"{said} (waived until {waiver.until}: {waiver.reason})")
        else:
            broken.append(said)
    detail = "; ".join(broken + passed_over)
    detail = detail or f"none of {len(results)} parts dropped significantly"
    return Check("no part dropped", not broken, detail)


def _exact(baseline: Side, run: Side) -> Check:
    keys = baseline.records.keys() | run.records.keys()
    changed = [key for key in sorted(keys) if _answer(baseline, key) != _answer(run, key)]
    detail = f"{len(changed)} of {len(keys)} answers changed"
    return Check("answers unchanged", not changed, detail + listed(changed, ": "))


def _answer(side: Side, key: str) -> object:
    record = side.records.get(key)
    return (False,) if record is None else (True, record.score.answer if record.score else None)
