"""The gate for continuous integration: is this run still as good as the baseline it answers to?"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any

from harness import stats
from harness.errors import RequestError
from harness.metrics import Mean, Unit, difference, difference_of
from harness.report import tables
from harness.report.baseline import Side, changed_targets
from harness.report.summary import in_order
from harness.run import journal
from harness.run.uncollected import uncollected
from harness.types import Generation, Metric, Record
from harness.video.sampling import Sampling

ALPHA = 1 - stats.LEVEL
_WAIVER = re.compile(r"(?P<check>[^=]+)=(?P<until>\d{4}-\d\d-\d\d)\s+(?P<reason>\S.*)")


@dataclass(frozen=True)
class Check:
    """One thing the gate looks at; ``detail`` says what it saw."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class Waiver:
    """A check, or a part ("task_type: Order"), that may fail until a day (included), and why."""

    check: str
    until: date
    reason: str

    @classmethod
    def read(cls, text: str) -> Waiver:
        """From ``CHECK=YYYY-MM-DD REASON``. Raises RequestError."""
        found = _WAIVER.fullmatch(text.strip())
        try:
            if found is None:
                raise ValueError("no date and reason")
            return cls(found["check"].strip(), date.fromisoformat(found["until"]), found["reason"])
        except ValueError as error:
            raise RequestError(
                f"--waive {text!r}: {error}; write CHECK=YYYY-MM-DD REASON, such as "
                "'task_type: Order=2027-01-31 the new decoder drops a frame'"
            ) from error


@dataclass(frozen=True)
class Rules:
    """What a gate lets through.

    ``max_drop`` is the largest drop of the headline let through though it may be chance, in the
    metric's own scale (0.05: 5 points of an accuracy); ``alpha`` is how often a run that is no
    worse may fail each test; ``tolerances`` are drops that single parts may have, by
    "group: value": such a part fails when it is sure to be worse, and worse by more than that.
    ``exact`` fails on any changed answer; ``ignore`` names fields of the request that may differ.
    """

    max_drop: float = 0.05
    alpha: float = ALPHA
    exact: bool = False
    ignore: tuple[str, ...] = ()
    tolerances: Mapping[str, float] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise RequestError(f"--alpha {self.alpha:g}: must lie between 0 and 1, such as 0.05")
        for name, drop in {"--max-drop": self.max_drop, **self.tolerances}.items():
            if not drop >= 0:
                raise RequestError(f"{name}: {drop:g} is no drop; write a number of points from 0")


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
        _request(baseline, run, rules.ignore),
        _coverage(baseline, run),
        _drop(baseline, run, common, rules),
        _parts(baseline, run, parts, rules, _holding(waived, day)),
    ]
    checks += [_exact(baseline, run)] if rules.exact else []
    return [_waived(c, waived[c.name], day) if c.name in waived else c for c in checks]


def markdown(baseline: Side, run: Side, checks: Sequence[Check]) -> str:
    """The gate's verdict as a page."""
    passed = all(check.passed for check in checks)
    rows = [
        {"check": c.name, "result": "pass" if c.passed else "FAIL", "detail": c.detail}
        for c in checks
    ]
    title = f"# Gate: {'passed' if passed else 'FAILED'}\n"
    what = f"{tables.cell(run.label)} against {tables.cell(baseline.label)}\n"
    return "\n".join([title, what, tables.markdown(rows)])


def junit(run: Side, checks: Sequence[Check]) -> str:
    """The same as JUnit XML, one test case per check."""
    from xml.etree import ElementTree

    failures = sum(not check.passed for check in checks)
    suite = ElementTree.Element(
        "testsuite", name="harness.gate", tests=str(len(checks)), failures=str(failures)
    )
    for item in checks:
        case = ElementTree.SubElement(
            suite, "testcase", classname=_xml(run.label), name=item.name, time="0"
        )
        kind = "system-out" if item.passed else "failure"
        attributes = {} if item.passed else {"message": _xml(item.detail)}
        ElementTree.SubElement(case, kind, attributes).text = _xml(item.detail)
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _holding(waived: Mapping[str, Waiver], day: date) -> Mapping[str, Waiver]:
    return {name: waiver for name, waiver in waived.items() if day <= waiver.until}


def _waived(found: Check, waiver: Waiver, day: date) -> Check:
    if found.passed:
        return replace(found, detail=f"{found.detail} (its waiver is not needed)")
    if day > waiver.until:
        return replace(found, detail=f"{found.detail}; its waiver ended on {waiver.until}")
    return Check(found.name, True, f"{found.detail}; waived until {waiver.until}: {waiver.reason}")


def _request(baseline: Side, run: Side, ignore: Sequence[str]) -> Check:
    theirs, ours = (compared(side.identity, ignore) for side in (baseline, run))
    changed = journal.difference(theirs, ours)
    if targets := changed_targets(baseline, run):
        some = _some(targets, f"{len(targets)} right answers are others: ")
        changed = f"{changed}; {some}" if changed else some
    hidden = journal.difference(_completed(baseline.identity), _completed(run.identity))
    detail = changed or "asked exactly alike"
    if ignore and hidden and not changed:
        detail = f"asked alike but for what --ignore passes over ({hidden})"
    elif ignore:
        detail += f" (--ignore {', '.join(ignore)})"
    return Check("request unchanged", not changed, detail)


def compared(identity: Mapping[str, Any], ignore: Sequence[str]) -> dict[str, Any]:
    """What of an identity has to agree: all but the fields of ``ignore``, by dotted name."""
    return _without(_completed(identity), ignore)


def _completed(identity: Mapping[str, Any]) -> dict[str, Any]:
    """An identity with the settings that there were not yet when it was kept, as they are by
    default: a setting that is new changes no baseline."""
    kept: dict[str, Any] = json.loads(json.dumps(dict(identity)))
    usual = {"sampling": asdict(Sampling()), "generation": asdict(Generation())}
    for name, fields in json.loads(json.dumps(usual)).items():
        if isinstance(kept.get(name), dict):
            kept[name] = fields | kept[name]
    return {"repeats": 1, "judge": None} | kept


def _without(identity: dict[str, Any], ignore: Sequence[str]) -> dict[str, Any]:
    kept = dict(identity)
    for name in ignore:
        *path, last = name.split(".")
        inner: Any = kept
        for key in path:
            inner = inner.get(key) if isinstance(inner, dict) else None
        if isinstance(inner, dict):
            inner.pop(last, None)
    return kept


def _coverage(baseline: Side, run: Side) -> Check:
    wanted = [key for key in baseline.records if baseline.counts(key)]
    lost = [key for key in wanted if not run.counts(key)]
    detail = f"{len(wanted) - len(lost)} of {len(wanted)} questions answered"
    return Check("coverage kept", not lost and bool(wanted), detail + _some(lost, "; lost: "))


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
    large = change.value < -rules.max_drop - 1e-9
    if significant or large:
        limit = f"more than --max-drop {tables.number(rules.max_drop, headline.unit)}"
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
    return Check("answers unchanged", not changed, detail + _some(changed, ": "))


def _answer(side: Side, key: str) -> object:
    record = side.records.get(key)
    return (False,) if record is None else (True, record.score.answer if record.score else None)


def _some(keys: Sequence[str], before: str) -> str:
    if not keys:
        return ""
    more = f" and {len(keys) - 5} more" if len(keys) > 5 else ""
    return before + ", ".join(keys[:5]) + more


def _xml(text: str) -> str:
    """Text without what XML 1.0 cannot hold, such as NUL."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)
