"""Scores, derived from the responses that are on disk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from harness.errors import HarnessError, JournalError
from harness.run.durable import put_in_place
from harness.run.folder import record_files
from harness.run.record_lines import line
from harness.run.uncollected import uncollected
from harness.types import JudgedScorer, Record, Scorer, Status

NOT_SCORED = "not scored yet"
"""The reason of a record whose response no scorer has seen."""


class Scoring(Protocol):
    """What scoring looks at of a task."""

    @property
    def scorer(self) -> Scorer | JudgedScorer: ...
    @property
    def answer_marker(self) -> str: ...


@uncollected()
def score_records(task: Scoring, records: Sequence[Record]) -> list[Record]:
    """Every record with its score, by the task's scorer; failed ones stay as they are.

    A response that was cut off before its answer is "truncated" and never scored. A scorer that
    raises, or gives no finite number, costs its own question's score: "unscored", with the reason.
    """
    scorer = task.scorer if isinstance(task.scorer, Scorer) else None  # slow to ask: once
    return [_scored(task, scorer, record) for record in records]


def _scored(task: Scoring, scorer: Scorer | None, record: Record) -> Record:
    response = record.response
    if response is None or record.status == "failed":
        return record
    if response.finish in ("thinking", "length") and _cut_off(task, record):
        reason = f"cut off after {response.usage.output if response.usage else '?'} tokens"
        return _changed(record, score=None, status="truncated", reason=reason)
    if scorer is None:
        return record
    try:
        score = scorer.score(record.question, response)
    except HarnessError as error:
        return _changed(record, score=None, status="unscored", reason=str(error))
    for name, value in score.values.items():
        if not math.isfinite(value):
            reason = f"its scorer gave {value} as {name}: no finite number"
            return _changed(record, score=None, status="unscored", reason=reason)
    status: Status = "scored" if score.values else "unparsed"
    return _changed(record, score=score, status=status, reason=None, stage=None)


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
