"""The gate for continuous integration: is this run still as good as the baseline it answers to?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness import stats
from harness.run.journal import difference
from harness.report import tables
from harness.report.baseline import Side
from harness.report.summary import in_order
from harness.scoring.aggregate import members

ALPHA = 1 - stats.LEVEL


@dataclass(frozen=True)
class Check:
    """One thing the gate looks at; ``detail`` says what it saw."""

    name: str
    passed: bool
    detail: str


def check(
    baseline: Side,
    run: Side,
    *,
    max_drop: float = 0.05,
    exact: bool = False,
    ignore: Sequence[str] = (),
) -> list[Check]:
    """Everything the gate looks at.

    ``max_drop`` (0..1) is the largest drop let through though it may be chance; ``exact`` fails on
    any changed answer; ``ignore`` names fields of the request that may differ.
    """
    common = [q for q in baseline.questions if _scored(baseline, q) and _scored(run, q)]
    checks = [_request(baseline, run, ignore), _coverage(baseline, run)]
    checks += [_drop(baseline, run, common, max_drop), _parts(baseline, run, common)]
    return [*checks, _exact(baseline, run)] if exact else checks


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


def _scored(side: Side, question: str) -> bool:
    return question in side.questions and side.questions[question].score is not None


def _request(baseline: Side, run: Side, ignore: Sequence[str]) -> Check:
    theirs, ours = (_without(side.identity, ignore) for side in (baseline, run))
    changed = difference(theirs, ours)
    return Check("request unchanged", not changed, changed or "asked exactly alike")


def _without(identity: dict[str, Any], ignore: Sequence[str]) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(json.dumps(identity))
    for name in ignore:
        *path, last = name.split(".")
        inner: Any = kept
        for key in path:
            inner = inner.get(key) if isinstance(inner, dict) else None
        if isinstance(inner, dict):
            inner.pop(last, None)
    return kept


def _coverage(baseline: Side, run: Side) -> Check:
    wanted = [q for q in baseline.questions if _scored(baseline, q)]
    lost = [q for q in wanted if not _scored(run, q)]
    detail = f"{len(wanted) - len(lost)} of {len(wanted)} questions answered"
    return Check("coverage kept", not lost and bool(wanted), detail + _some(lost, "; lost: "))


def _scores(side: Side, questions: Sequence[str]) -> dict[str, float]:
    return {q: side.questions[q].score or 0.0 for q in questions}


def _paired(baseline: Side, run: Side, questions: Sequence[str]) -> stats.Paired:
    videos = {q: baseline.questions[q].video for q in questions}
    return stats.paired(_scores(baseline, questions), _scores(run, questions), videos)


def _drop(baseline: Side, run: Side, common: Sequence[str], max_drop: float) -> Check:
    if not common:
        return Check("no drop", False, "no question was answered in both")
    result = _paired(baseline, run, common)
    change, p = result.difference, tables.probability(result.p)
    detail = (
        f"{tables.percent(change.value, change.half_width, signed=True)} points, p = {p}, "
        f"{result.gained} gained, {result.lost} lost of {change.n}"
    )
    significant = change.value < 0 and result.p < ALPHA
    large = change.value < -max_drop - 1e-9
    if significant or large:
        limit = f"more than --max-drop {100 * max_drop:g}"
        detail += f": {'significant' if significant else limit}"
    elif change.value > 0 and result.p < ALPHA:
        detail += ": better; make it the baseline with --update"
    return Check("no drop", not (significant or large), detail)


def _parts(baseline: Side, run: Side, common: Sequence[str]) -> Check:
    """A small part that breaks altogether can hide in the mean: each is tested, Holm-adjusted."""
    parts: dict[str, list[str]] = {}
    for question in common:
        for name, values in baseline.questions[question].groups.items():
            for value in members(values):
                parts.setdefault(f"{name}: {value}", []).append(question)
    results = {part: _paired(baseline, run, parts[part]) for part in in_order(parts)}
    adjusted = stats.holm([result.p for result in results.values()])
    broken = [
        f"{part} {tables.percent(r.difference.value, r.difference.half_width, signed=True)}"
        for (part, r), p in zip(results.items(), adjusted, strict=True)
        if r.difference.value < 0 and p < ALPHA
    ]
    detail = "; ".join(broken) or f"none of {len(results)} parts dropped significantly"
    return Check("no part dropped", not broken, detail)


def _exact(baseline: Side, run: Side) -> Check:
    questions = baseline.questions.keys() | run.questions.keys()
    changed = [
        q
        for q in sorted(questions)
        if q not in baseline.questions
        or q not in run.questions
        or baseline.questions[q].answer != run.questions[q].answer
    ]
    detail = f"{len(changed)} of {len(questions)} answers changed"
    return Check("answers unchanged", not changed, detail + _some(changed, ": "))


def _some(questions: Sequence[str], before: str) -> str:
    if not questions:
        return ""
    more = f" and {len(questions) - 5} more" if len(questions) > 5 else ""
    return before + ", ".join(questions[:5]) + more


def _xml(text: str) -> str:
    """Text without what XML 1.0 cannot hold, such as NUL."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)
