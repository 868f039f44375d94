"""Scores, derived from the responses that are on disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import HarnessError
from harness.run.journal import Appender
from harness.run.judging import judge_responses, scored
from harness.task import Task
from harness.types import Failure, JudgedScorer, Model, Record, Score, Scorer, Status

NO_JUDGE = "no judge was named: harness score RUN judge=NAME scores it"
CALLS = "judge"
"""The folder below a results folder in which judges' calls are kept, for all of its runs."""

Tell = Callable[[str], None]


def score_records(
    task: Task,
    records: Sequence[Record],
    *,
    judge: Model | None = None,
    folder: Path | None = None,
    results: Path | None = None,
    tell: Tell = lambda line: None,
) -> list[Record]:
    """Every record with its score, by the task's scorer; failed ones stay as they are.

    A response that was cut off before its answer is "truncated" and never scored. A scorer that
    raises, or a judge that fails, costs that question's score: "unscored", with the reason.
    ``judge`` is asked where the scorer wants one; its calls are kept below ``results`` and its
    replies in the run's ``folder``.
    """
    marked = [_scored(task, record) for record in records]
    if not isinstance(task.scorer, JudgedScorer):
        return marked
    open_ = [r for r in marked if r.response and r.status not in ("failed", "truncated")]
    outcomes: Mapping[str, Score | Failure]
    if judge is None:
        outcomes = {record.key: _without_judge(task.scorer, record) for record in open_}
    else:
        outcomes = _ask(judge, task.scorer, open_, folder, results, tell)
    return [scored(record, outcomes.get(record.key)) for record in marked]


def _ask(
    judge: Model,
    scorer: JudgedScorer,
    records: Sequence[Record],
    folder: Path | None,
    results: Path | None,
    tell: Tell,
) -> Mapping[str, Score | Failure]:
    """The judge's scores; a judge that cannot be had at all leaves every response unscored."""
    place = (results or Path("results")) / CALLS
    try:
        return judge_responses(judge, scorer, records, place, tell, file=folder)
    except HarnessError as error:
        return {r.key: Failure(r.key, "judge", f"no judge: {error}") for r in records}


def _without_judge(scorer: JudgedScorer, record: Record) -> Score | Failure:
    """What needs no judge is scored all the same."""
    response = record.response
    if response is None:
        return Failure(record.key, "judge", NO_JUDGE)
    try:
        if scorer.judge_prompts(record.question, response):
            return Failure(record.key, "judge", NO_JUDGE)
        return scorer.score_judged(record.question, response, ())
    except HarnessError as error:
        return Failure(record.key, "judge", str(error))


def _scored(task: Task, record: Record) -> Record:
    response, scorer = record.response, task.scorer
    if response is None or record.status == "failed":
        return record
    if response.finish in ("thinking", "length") and _cut_off(task, record):
        reason = f"cut off after {response.usage.output if response.usage else '?'} tokens"
        return replace(record, score=None, status="truncated", reason=reason)
    if not isinstance(scorer, Scorer):
        return record
    try:
        score = scorer.score(record.question, response)
    except HarnessError as error:
        return replace(record, score=None, status="unscored", reason=str(error))
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
