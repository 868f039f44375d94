"""One run's answers under every reader and every denominator: how much of a score is its rule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.errors import RequestError
from harness.report import tables
from harness.report.runs import Run
from harness.report.summary import estimate
from harness.scoring.aggregate import DENOMINATORS, counted
from harness.scoring.extractors import READERS, right
from harness.types import Estimate, Record


@dataclass(frozen=True)
class Rescored:
    """What one reader makes of a run: an estimate per denominator, and how many it left unread."""

    reader: str
    estimates: dict[str, Estimate]
    unread: int


@dataclass(frozen=True)
class Disagreement:
    """A response that some readers score right, some wrong, some not at all."""

    question: str
    response: str
    gold: str
    right: tuple[str, ...]
    wrong: tuple[str, ...]
    unread: tuple[str, ...]


@dataclass(frozen=True)
class Audit:
    """Every reader's estimates, and the questions on which they disagree.

    ``rule`` is the run's own (reader, denominator); ``lowest`` and ``highest`` are 0..1.
    """

    rule: tuple[str, str]
    rescored: tuple[Rescored, ...]
    disagreements: tuple[Disagreement, ...]
    questions: int
    lowest: float
    highest: float


def audit(run: Run) -> Audit:
    """Re-reads a multiple-choice run. Raises RequestError when it has nothing to re-read."""
    records = [r for r in run.records if r.options and r.gold is not None]
    answered = [r for r in records if r.response is not None]
    if not answered:
        raise RequestError(f"{run.folder}: no multiple-choice answers to read again")
    aggregate = str(run.protocol.get("aggregate") or "micro")
    outcomes = {reader: [_outcome(reader, r) for r in answered] for reader in READERS}
    rescored = tuple(
        _rescored(reader, answered, found, aggregate) for reader, found in outcomes.items()
    )
    values = [e.value for r in rescored for e in r.estimates.values() if not math.isnan(e.value)]
    protocol = run.protocol
    return Audit(
        (str(protocol.get("reader", "default")), str(protocol.get("denominator", "all"))),
        rescored,
        tuple(
            _disagreement(record, {reader: outcomes[reader][i] for reader in READERS})
            for i, record in enumerate(answered)
            if len({outcomes[reader][i] for reader in READERS}) > 1
        ),
        len(answered),
        min(values),
        max(values),
    )


def markdown(run: Run, result: Audit) -> str:
    """The audit as a page."""
    spread = 100 * (result.highest - result.lowest)
    lines = [
        f"# {tables.cell(run.model)} on {tables.cell(run.task)}, read by every rule\n",
        f"The same {result.questions} answers score {tables.points(result.lowest)} to "
        f"{tables.points(result.highest)}: {spread:.1f} points apart. **Bold**: this run's own "
        f"rule ({result.rule[0]}, {result.rule[1]}).\n",
        tables.markdown([_cells(r, result.rule) for r in result.rescored]),
        "all: unread answers are wrong; answered: they leave the denominator; nonempty: only "
        "blank responses do.\n",
        f"## The readers disagree on {len(result.disagreements)} of {result.questions} answers\n",
        tables.markdown([_disagreement_cells(d) for d in result.disagreements]),
    ]
    return "\n".join(lines)


def rows(result: Audit) -> list[dict[str, Any]]:
    """Every reader × denominator in numbers, one row each."""
    return [
        {
            "reader": r.reader,
            "denominator": denominator,
            "accuracy": e.value,
            "half_width": e.half_width,
            "n": e.n,
            "unread": r.unread,
            "own": (r.reader, denominator) == result.rule,
        }
        for r in result.rescored
        for denominator, e in r.estimates.items()
    ]


def as_data(result: Audit) -> dict[str, Any]:
    """The whole audit for JSON."""
    disagreements = [vars(d) for d in result.disagreements]
    return {
        "lowest": result.lowest,
        "highest": result.highest,
        "scores": rows(result),
        "disagreements": disagreements,
    }


def _outcome(reader: str, record: Record) -> bool | None:
    return right(reader, record.response or "", record.options, record.gold or "")


def _rescored(
    reader: str, records: Sequence[Record], outcomes: Sequence[bool | None], aggregate: str
) -> Rescored:
    read = [
        replace(
            record,
            score=None if outcome is None else float(outcome),
            status="unread" if outcome is None else "scored",
        )
        for record, outcome in zip(records, outcomes, strict=True)
    ]
    estimates = {name: estimate(counted(read, name), aggregate) for name in DENOMINATORS}
    return Rescored(reader, estimates, sum(outcome is None for outcome in outcomes))


def _disagreement(record: Record, outcomes: dict[str, bool | None]) -> Disagreement:
    parts: dict[bool | None, list[str]] = {True: [], False: [], None: []}
    for reader, outcome in outcomes.items():
        parts[outcome].append(reader)
    return Disagreement(
        record.question,
        record.response or "",
        record.gold or "",
        tuple(parts[True]),
        tuple(parts[False]),
        tuple(parts[None]),
    )


def _cells(rescored: Rescored, rule: tuple[str, str]) -> dict[str, Any]:
    row: dict[str, Any] = {"reader": rescored.reader}
    for name, found in rescored.estimates.items():
        text = tables.percent(found.value, found.half_width)
        row[name] = f"**{text}**" if (rescored.reader, name) == rule else text
    return row | {"unread": rescored.unread}


def _disagreement_cells(found: Disagreement) -> dict[str, Any]:
    return {
        "question": found.question,
        "response": tables.short(found.response),
        "gold": found.gold,
        "right": ", ".join(found.right),
        "wrong": ", ".join(found.wrong),
        "unread": ", ".join(found.unread),
    }
