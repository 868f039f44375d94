"""The gate's verdict for people (Markdown) and for CI (JUnit XML)."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report import tables
from harness.report.baseline import Side
from harness.report.gate_rules import Check


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


def _xml(text: str) -> str:
    """Text without what XML 1.0 cannot hold, such as NUL."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)
