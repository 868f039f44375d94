"""Scores, derived from the responses that are on disk."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from harness import stats
from harness.corpus_metrics import MeanOf
from harness.errors import DataError, JournalError
from harness.metrics import Mean
from harness.names import brief
from harness.run.durable import put_in_place
from harness.run.folder import record_files
from harness.run.plain_values import odd, pure
from harness.run.raised import clause
from harness.run.record_lines import line
from harness.run.uncollected import uncollected
from harness.types import JudgedScorer, Metric, Record, Score, Scorer, Status

NOT_SCORED = "not scored yet"
"""The reason of a record whose response no scorer has seen."""


class Scoring(Protocol):
    """What scoring looks at of a task."""

    @property
    def scorer(self) -> Scorer | JudgedScorer: ...
    @property
    def metrics(self) -> tuple[Metric, ...]: ...
    @property
    def answer_marker(self) -> str: ...


@uncollected()
def score_records(task: Scoring, records: Sequence[Record]) -> list[Record]:
    """Every record with its score, by the task's scorer; failed ones stay as they are.

    A response that was cut off before its answer is "truncated" and never scored. A scorer that
    raises, or gives what is no score of the task's metrics, costs its own question's score:
    "unscored", with the reason.
    """
    scorer = task.scorer if isinstance(task.scorer, Scorer) else None  # slow to ask: once
    scored = [_scored(task, scorer, record) for record in records]
    return on_scale(scored, task.metrics) if scorer is not None else scored


def on_scale(records: Sequence[Record], metrics: Sequence[Metric]) -> list[Record]:
    """The records; those with a value outside a metric's bounds are "unscored": no interval is
    known for them, and whether value or bound is wrong only their author can say."""
    bounded = [
        (place, metric)
        for place, metric in enumerate(metrics)
        if isinstance(metric, Mean | MeanOf) and (metric.low, metric.high) != (None, None)
    ]
    made = []
    for record in records:
        reason = _outside(record, bounded) if record.score is not None else ""
        made.append(_lost(record, reason) if reason else record)
    return made


def _outside(record: Record, metrics: Sequence[tuple[int, Mean | MeanOf]]) -> str:
    """Which value of a record is outside the bounds of a metric that is about it; empty: none."""
    values = record.score.values if record.score is not None else {}
    for place, metric in metrics:
        for name in metric.values if isinstance(metric, MeanOf) else (metric.value,):
            if name not in values or (isinstance(metric, Mean) and not metric.applies(record)):
                continue
            end = stats.beyond(values[name], metric.low, metric.high)
            if end is not None:
                edge = "low" if end == metric.low else "high"
                return (
                    f"its scorer gave {values[name]:g} as {name}, and {metric.name} ends at "
                    f"{end:g}: set task.metrics.{place}.{edge}"
                )
    return ""


def _scored(task: Scoring, scorer: Scorer | None, record: Record) -> Record:
    response = record.response
    if response is None or record.status == "failed":
        return record
    if response.finish in ("thinking", "length") and _cut_off(task, record):
        reason = f"cut off after {response.usage.output if response.usage else '?'} tokens"
        return _changed(record, score=None, status="truncated", reason=reason, stage=None)
    if scorer is None:
        return record
    try:
        score = sound(scorer.score(record.question, response))
    except Exception as error:  # noqa: BLE001  # whatever a user's scorer raises costs one score
        return _lost(record, clause(error))
    status: Status = "scored" if score.values else "unparsed"
    return _changed(record, score=score, status=status, reason=None, stage=None)


def sound(score: object) -> Score:
    """What a scorer gave, with Python's numbers for NumPy's. Raises DataError, in one clause, for
    what no record can hold."""
    if not isinstance(score, Score) or not isinstance(score.values, Mapping):
        kind = type(score.values if isinstance(score, Score) else score).__name__
        raise DataError(f"its scorer gave a {kind}: a Score of values by name is needed")
    values: dict[str, Any] = {}
    for name, value in score.values.items():
        number = value.item() if isinstance(value, np.generic) else value
        if not isinstance(name, str):
            raise DataError(f"its scorer gave a value named {brief(name)}: a name is a text")
        if not isinstance(number, int | float) or not abs(number) <= sys.float_info.max:
            raise DataError(f"its scorer gave {brief(value)} as {name}: no finite number")
        values[name] = number
    if found := odd({"answer": score.answer, "explanation": score.explanation}):
        raise DataError(f"its scorer gave what no record can hold: {found}")
    answer = pure(score.answer)
    same = all(values[name] is value for name, value in score.values.items())
    if same and answer is score.answer:
        return score
    return replace(score, values=values, answer=answer)


def _lost(record: Record, reason: str) -> Record:
    """The record without a score, for a reason that its scorer has to answer for."""
    return _changed(record, score=None, status="unscored", reason=reason, stage="scorer")


def _changed(record: Record, **changes: Any) -> Record:
    """The record with these fields; the very same one where they are as they were: what has not
    changed is then known at sight, and not kept twice."""
    if all(getattr(record, name) == value for name, value in changes.items()):
        return record
    return replace(record, **changes)


def _cut_off(task: Scoring, record: Record) -> bool:
    """Whether the response ended before its answer: in its thinking, or before the marker."""
    response = record.response
    if response is None or response.finish == "thinking":
        return True
    return bool(task.answer_marker) and task.answer_marker not in response.text


@uncollected()
def rewrite(folder: Path, records: Sequence[Record]) -> None:
    """Replaces the records of a run folder by these, all in one file, whole or not at all. Raises
    JournalError when the disk refuses."""
    path, others = folder / "records-0.jsonl", record_files(folder)
    written = folder / ".records-0.jsonl.rewritten"
    try:
        with written.open("wb") as file:
            file.writelines(map(line, records))
        put_in_place(written, path)
        for other in others:
            if other != path:
                other.unlink()
    except OSError as error:
        with suppress(OSError):
            written.unlink()
        raise JournalError(
            f"{path}: cannot write ({error.strerror}); free some space and run the same command "
            "again: what was answered is kept"
        ) from error
