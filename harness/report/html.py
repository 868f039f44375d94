"""report.html: one run, or two side by side, as a page that opens anywhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from harness.report import tables
from harness.report.comparable import same_but
from harness.report.compare import compare
from harness.report.diagnostics import diagnosed
from harness.report.page import assets, words
from harness.report.page.samples import samples
from harness.report.runs import Run
from harness.run.uncollected import uncollected
from harness.types import Estimate

SCRIPTS = ("vendor/tabulator.min.js", "run.js")


@uncollected()
def page(run: Run, second: Run | None = None, others: Sequence[Run] = ()) -> str:
    """The run's report as HTML: numbers, protocol, breakdowns and every question.

    ``second`` is shown beside it, with what changed. ``others`` are searched for its controls.
    Raises RequestError when the two runs share no question.
    """
    summary = run.summary
    compared = compare([run, second]) if second else None
    return assets.render(
        "run.html",
        SCRIPTS,
        run=run,
        second=second,
        compared=compared,
        second_name=compared.differences[0].second if compared and compared.differences else "",
        rows=[] if compared is None else _differences(compared),
        summary=summary,
        main=summary.main,
        bounded=any(value.bounds for value in summary.metrics.values()),
        lines=diagnosed(summary),
        controls=_controls(run, others),
        words=words.protocol(run),
        prompt=words.template(run),
        charts={group: _chart(run, group) for group in summary.by},
        request=json.dumps(run.request, indent=2, ensure_ascii=False),
        data=assets.as_json(samples(run, second)),
    )


def _controls(run: Run, others: Sequence[Run]) -> list[tuple[str, Estimate]]:
    """The same run with evidence taken away, by control."""
    if run.control != "none":
        return []
    return [
        (other.control, other.summary.main.estimate)
        for other in others
        if other.control != "none" and same_but(run, other, control=other.control)
    ]


def _chart(run: Run, group: str) -> dict[str, Any]:
    """A breakdown as lengths along its axis, in percent of its width."""
    main, parts = run.summary.main, run.summary.part(group)
    known = [x for e in parts.values() for x in (e.value, *e.ci95) if x == x]
    low, high = (0.0, 1.0) if main.unit == "%" else (min([0.0, *known]), max(known, default=1.0))
    reach = (high - low) or 1.0

    def at(x: float) -> float:
        return round(100 * (min(max(x, low), high) - low) / reach, 2)

    bars = [
        {
            "name": name,
            "n": part.n,
            "text": tables.interval(part, main.unit),
            "at": at(part.value) if part.value == part.value else None,
            "low": at(part.ci95[0]) if part.ci95[0] == part.ci95[0] else None,
            "high": at(part.ci95[1]) if part.ci95[1] == part.ci95[1] else None,
        }
        for name, part in parts.items()
    ]
    return {"bars": bars, "chance": None if main.chance is None else at(main.chance)}


def _differences(found: Any) -> list[dict[str, str]]:
    return [
        {
            "part": d.part,
            "before": tables.number(d.before, found.unit),
            "after": tables.number(d.after, found.unit),
            "difference": tables.interval(d.paired.difference, found.unit, signed=True),
            "p": tables.probability(d.holm),
        }
        for d in found.differences
    ]
