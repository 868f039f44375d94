"""Runs in the form that a benchmark's own leaderboard takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.errors import RequestError
from harness.report.published import benchmark_of
from harness.report.runs import Run
from harness.scoring.options import LETTERS
from harness.types import Record

_DIAGNOSES = {"control": "none", "permute_options": 1, "repeats": 1}
"""What a request for a result says; anything else is a diagnosis."""


def videomme(run: Run) -> list[dict[str, Any]]:
    """Video-MME's submission: one entry per video with its questions and the raw responses.

    The schema of evaluation/eval_your_results.py in github.com/thanku-all/parse_answer. A failed
    question has an empty response, which that scorer leaves out; a video of nothing but failures is
    ``missing``, which it skips on request. Raises RequestError for a run that no one submits.
    """
    _submittable(run, "videomme", ("duration", "domain", "sub_category", "task_type"))
    videos: dict[str, list[Record]] = {}
    for record in run.records:
        videos.setdefault(record.video, []).append(record)
    entries = [_video(records) for records in videos.values()]
    return sorted(entries, key=lambda entry: str(entry["video_id"]))


def egoschema(run: Run) -> list[tuple[str, int]]:
    """EgoSchema's full set as (q_uid, option 0..4), in the order of q_uid.

    What failed or could not be parsed is -1: no option, so never right. Raises RequestError.
    """
    _submittable(run, "egoschema", ())
    return sorted((record.video, _place(record)) for record in run.records)


def unanswered(run: Run) -> int:
    """How many questions the export could give no answer for."""
    return sum(record.response is None for record in run.records)


def _place(record: Record) -> int:
    answer = record.score.answer if record.score else None
    return LETTERS.find(answer) if isinstance(answer, str) and answer else -1


def _video(records: Sequence[Record]) -> dict[str, Any]:
    first = records[0]
    named = {name: _group(first, name) for name in ("duration", "domain", "sub_category")}
    return {
        "video_id": first.question.id.rpartition("-")[0] or first.video,
        **named,
        "missing": all(record.response is None for record in records),
        "questions": [
            {
                "question_id": record.question.id,
                "task_type": _group(record, "task_type"),
                "question": record.question.text,
                "options": [
                    f"{letter}. {text}"
                    for letter, text in zip(LETTERS, record.question.options, strict=False)
                ],
                "answer": record.question.target,
                "response": record.response.text if record.response else "",
            }
            for record in records
        ],
    }


def _group(record: Record, name: str) -> str:
    return ", ".join(record.question.groups[name])


def _submittable(run: Run, benchmark: str, groups: Sequence[str]) -> None:
    name = benchmark_of(run)
    asked = [record.question.groups for record in run.records]
    lacking = [group for group in groups if any(group not in found for found in asked)]
    own = name == benchmark or (benchmark == "videomme" and not lacking)  # the demo has its schema
    if not own or lacking or not run.records:
        without = f" without {', '.join(lacking)}" if lacking and own else ""
        raise RequestError(
            f"{run.folder}: a run of {name}{without or ('' if run.records else ' without records')}"
            f"; export {benchmark} takes a run of {benchmark}"
        )
    for key, value in _DIAGNOSES.items():
        if run.identity.get(key, value) != value:
            raise RequestError(f"{run.folder}: {key}={run.identity[key]} is a diagnosis, no result")
