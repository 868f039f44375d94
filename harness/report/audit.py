"""One run's responses under every extraction rule and every way of counting: how much of a score
is its rule."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

from harness.errors import RequestError
from harness.estimates import LOST, estimate
from harness.metrics import Counted, Mean
from harness.report import tables
from harness.report.runs import Run
from harness.run.uncollected import uncollected
from harness.scoring.choice import ChoiceScorer
from harness.scoring.extractors import EXTRACTORS
from harness.types import Estimate, Metric, Record, Response, Score

COUNTED: tuple[Counted, ...] = get_args(Counted)
MOST = 40
"""How many disagreements a page lists; all of them are in audit.json."""


@dataclass(frozen=True)
class Rescored:
    """What one extractor makes of a run: an estimate per way of counting, and how many responses
    it left unparsed."""

    extractor: str
    estimates: Mapping[str, Estimate]
    unparsed: int


@dataclass(frozen=True)
class Disagreement:
    """A response that some extractors score right, some wrong, some not at all."""

    question: str
    response: str
    target: str
    right: tuple[str, ...]
    wrong: tuple[str, ...]
    unparsed: tuple[str, ...]


@dataclass(frozen=True)
class Audit:
    """Every extractor's estimates, and the questions on which they disagree.

    ``rule`` is the run's own (extractor, counted) and ``own`` its number, as in every other view;
    ``lowest`` and ``highest`` are 0..1.
    """

    rule: tuple[str, str]
    own: Estimate
    rescored: tuple[Rescored, ...]
    disagreements: tuple[Disagreement, ...]
    questions: int
    lowest: float
    highest: float


@uncollected()
def audit(run: Run) -> Audit:
    """Reads a multiple-choice run again. Raises RequestError when it has nothing to read."""
    scorer, headline = run.scorer, run.metrics[0]
    answered = [record for record in run.records if _readable(record)]
    if not answered or not isinstance(scorer, ChoiceScorer):
        raise RequestError(f"{run.folder}: no multiple-choice responses to read again")
    lost = [record for record in run.records if record.status in LOST]
    rescored = []
    rules = {name: replace(scorer, extractor=name) for name in EXTRACTORS}
    outcomes: dict[str, list[float | None]] = {name: [] for name in rules}
    for record in answered:  # every rule of one response before the next: options are read once
        for name, value in _values(rules, record):
            outcomes[name].append(value)
    variants = [_variants(scorer, record) for record in answered]
    made: dict[tuple[float | None, ...], Mapping[str, Estimate]] = {}  # many rules often agree
    for name, values in outcomes.items():
        key = tuple(values)
        if key not in made:
            again = [known[value] for known, value in zip(variants, values, strict=True)]
            made[key] = _estimates(headline, [*again, *lost])
        rescored.append(Rescored(name, made[key], key.count(None)))
    found = [e.value for r in rescored for e in r.estimates.values() if not math.isnan(e.value)]
    counted = headline.counted if isinstance(headline, Mean) else "all"
    return Audit(
        (scorer.extractor, counted),
        run.summary.main.estimate,
        tuple(rescored),
        tuple(_disagreements(answered, outcomes)),
        len(answered),
        min(found, default=math.nan),
        max(found, default=math.nan),
    )


def markdown(run: Run, result: Audit, most: int | None = MOST) -> str:
    """The audit as a page: disagreements (at most so many, None: all), then the summary."""
    spread = 100 * (result.highest - result.lowest)
    count = len(result.disagreements)
    listed = result.disagreements if most is None else result.disagreements[:most]
    lines = [
        f"# {tables.cell(run.model)} on {tables.cell(run.task)}, read by every rule\n",
        f"## The rules disagree on {count:,} of {result.questions:,} responses\n",
        tables.markdown([_disagreement_cells(d) for d in listed]),
    ]
    if left := count - len(listed):
        lines.append(f"… and {left:,} more: --all lists them, audit.json holds them.\n")
    lines += [
        "## Scores\n",
        _alike(result) if most is not None else _scores(result),
        "all: unparsed responses are wrong; answered: they are left out; nonempty: only blank ones "
        "are left out.\n",
        f"The same {result.questions:,} responses score {tables.number(result.lowest)} to "
        f"{tables.number(result.highest)}: {spread:.1f} points apart. **Bold**: this run's own "
        f"rule ({result.rule[0]}, {result.rule[1]}): {tables.interval(result.own)}.\n",
    ]
    return "\n".join(lines)


def rows(result: Audit) -> list[dict[str, Any]]:
    """Every extractor × way of counting in numbers, one row each."""
    return [
        {
            "extractor": r.extractor,
            "counted": counted,
            "accuracy": e.value,
            "low": e.ci95[0],
            "high": e.ci95[1],
            "n": e.n,
            "unparsed": r.unparsed,
            "own": (r.extractor, counted) == result.rule,
        }
        for r in result.rescored
        for counted, e in r.estimates.items()
    ]


def as_data(result: Audit) -> dict[str, Any]:
    """The whole audit for JSON."""
    return {
        "lowest": result.lowest,
        "highest": result.highest,
        "scores": rows(result),
        "disagreements": [vars(d) for d in result.disagreements],
    }


def _readable(record: Record) -> bool:
    question = record.question
    known = question.options and question.target is not None
    return bool(known) and record.status not in LOST and record.response is not None


def _values(
    rules: Mapping[str, ChoiceScorer], record: Record
) -> Iterator[tuple[str, float | None]]:
    """What each rule scores a response; None: it cannot parse it."""
    response = record.response or Response(record.key, "")
    for name, rule in rules.items():
        score = rule.score(record.question, response)
        yield name, score.values.get(rule.name)


def _variants(scorer: ChoiceScorer, record: Record) -> dict[float | None, Record]:
    """The record as it would be were it right, wrong or unparsed: made once, not for each rule."""
    found: dict[float | None, Record] = {
        value: replace(record, score=Score({scorer.name: value}), status="scored")
        for value in (0.0, 1.0)
    }
    return found | {None: replace(record, score=Score(), status="unparsed")}


def _estimates(headline: Metric, records: Sequence[Record]) -> Mapping[str, Estimate]:
    if not isinstance(headline, Mean):
        return {"all": estimate(headline, records)}
    if all(record.status != "unparsed" for record in records):
        return dict.fromkeys(COUNTED, estimate(headline, records))
    return {counted: replace(headline, counted=counted).estimate(records) for counted in COUNTED}


def _disagreements(
    records: Sequence[Record], outcomes: Mapping[str, Sequence[float | None]]
) -> list[Disagreement]:
    found = []
    for i, record in enumerate(records):
        sides: dict[float | None, list[str]] = {}
        for name, values in outcomes.items():
            sides.setdefault(values[i], []).append(name)
        if len(sides) > 1:
            right, wrong, unparsed = (tuple(sides.get(key, ())) for key in (1.0, 0.0, None))
            said = record.response.text if record.response else ""
            target = tables.plain(record.question.target)
            found.append(Disagreement(record.key, said, target, right, wrong, unparsed))
    return found


def _scores(result: Audit) -> str:
    return tables.markdown([_cells(r, result.rule) for r in result.rescored])


def _alike(result: Audit) -> str:
    """One line where no two of all numbers differ; else the table."""
    texts = {tables.interval(e) for r in result.rescored for e in r.estimates.values()}
    if len(texts) > 1 or len({r.unparsed for r in result.rescored}) > 1:
        return _scores(result)
    unparsed = result.rescored[0].unparsed
    return f"all {len(result.rescored)} rules: {texts.pop()}, {unparsed} unparsed (--all: each)\n"


def _cells(rescored: Rescored, rule: tuple[str, str]) -> dict[str, Any]:
    row: dict[str, Any] = {"extractor": rescored.extractor}
    for name, found in rescored.estimates.items():
        text = tables.interval(found)
        row[name] = f"**{text}**" if (rescored.extractor, name) == rule else text
    return row | {"unparsed": rescored.unparsed}


def _disagreement_cells(found: Disagreement) -> dict[str, Any]:
    return {
        "question": found.question,
        "response": tables.short(found.response),
        "target": found.target,
        "right": ", ".join(found.right),
        "wrong": ", ".join(found.wrong),
        "unparsed": ", ".join(found.unparsed),
    }
