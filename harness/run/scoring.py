"""Scores, derived from the responses that are on disk."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import HarnessError
from harness.run.journal import Appender
from harness.task import Task
from harness.types import Record, Scorer, Status


def score_records(task: Task, records: Sequence[Record]) -> list[Record]:
    """Every record with its score, by the task's scorer; failed ones stay as they are.

    A response that was cut off before its answer is "truncated" and never scored. A scorer that
    raises, or gives no finite number, costs its own question's score: "unscored", with the reason.
    """
    scorer = task.scorer if isinstance(task.scorer, Scorer) else None  # slow to ask: once
    return [_scored(task, scorer, record) for record in records]


def _scored(task: Task, scorer: Scorer | None, record: Record) -> Record:
    response = record.response
    if response is None or record.status == "failed":
        return record
    if response.finish in ("thinking", "length") and _cut_off(task, record):
        reason = f"cut off after {response.usage.output if response.usage else '?'} tokens"
        return replace(record, score=None, status="truncated", reason=reason)
    if scorer is None:
        return record
    try:
        score = scorer.score(record.question, response)
    except HarnessError as error:
        return replace(record, score=None, status="unscored", reason=str(error))
    for name, value in score.values.items():
        if not math.isfinite(value):
            reason = f"its scorer gave {value} as {name}: no finite number"
            return replace(record, score=None, status="unscored", reason=reason)
    status: Status = "scored" if score.values else "unparsed"
    return replace(record, score=score, status=status, reason=None, stage=None)


def _cut_off(task: Task, record: Record) -> bool:
    """Whether the response ended before its answer: in its thinking, or before the marker."""
    response = record.response
    if response is None or response.finish == "thinking":
        return True
    return bool(task.answer_marker) and task.answer_marker not in response.text


def rewrite(folder: Path, records: Sequence[Record]) -> None:
    """Replaces the records of a run folder by these, all in one file, whole or not at all."""
    temporary = folder / ".rewritten"
    temporary.mkdir(exist_ok=True)
    (temporary / "records-0.jsonl").unlink(missing_ok=True)
    with Appender(temporary) as appender:
        for record in records:
            appender.append(record)
    os.replace(temporary / "records-0.jsonl", folder / "records-0.jsonl")
    for other in folder.glob("records-*.jsonl"):
        if other.name != "records-0.jsonl":
            other.unlink()
    temporary.rmdir()


def written_whole(folder: Path, records: int) -> bool:
    """Whether so many records lie there as ``rewrite`` would leave them: in one file, each once."""
    paths = list(folder.glob("records-*.jsonl"))
    if [path.name for path in paths] != ["records-0.jsonl"]:
        return False
    with paths[0].open("rb") as file:
        return sum(1 for _ in file) == records
