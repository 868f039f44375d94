"""Runs in the form that a benchmark's own leaderboard takes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from harness.errors import RequestError
from harness.report.runs import Run
from harness.scoring.options import LETTERS
from harness.types import Record


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
    entries = [_video(run, records) for records in videos.values()]
    return sorted(entries, key=lambda entry: str(entry["video_id"]))


def egoschema(run: Run) -> list[tuple[str, int]]:
    """EgoSchema's full set as (q_uid, option 0..4), in the order of q_uid.

    What was failed or not read is -1: no option, so never right. Raises RequestError.
    """
    _submittable(run, "egoschema", ())
    return sorted((r.video, LETTERS.find(r.answer) if r.answer else -1) for r in run.records)


def unanswered(run: Run) -> int:
    """How many questions the export could give no answer for."""
    return sum(record.status == "failed" for record in run.records)


def question_text(record: Record, protocol: dict[str, Any]) -> str:
    """The question's own text, cut out of its prompt by the protocol's template; "" if not found.

    Records keep the whole prompt and not its parts; the template and the options are known.
    """
    line = str(protocol.get("option", "{letter}. {text}"))  # MultipleChoice's default
    template = str(protocol.get("template", ""))
    if "{question}" not in template:
        return ""
    options = "\n".join(
        line.format(letter=letter, text=text)
        for letter, text in zip(LETTERS, record.options, strict=False)
    )
    places = {"{subtitles}": ".*", "{question}": "(.+?)", "{options}": re.escape(options)}
    parts = re.split(r"({subtitles}|{question}|{options})", template)
    pattern = "".join(places.get(part, re.escape(part)) for part in parts)
    found = re.search(pattern, record.prompt, re.DOTALL)
    return found[1].strip() if found else ""


def _video(run: Run, records: Sequence[Record]) -> dict[str, Any]:
    first = records[0]
    return {
        "video_id": first.question.rpartition("-")[0] or first.video,
        "duration": first.groups["duration"],
        "domain": first.groups["domain"],
        "sub_category": first.groups["sub_category"],
        "missing": all(record.status == "failed" for record in records),
        "questions": [
            {
                "question_id": record.question,
                "task_type": record.groups["task_type"],
                "question": question_text(record, run.protocol),
                "options": [
                    f"{letter}. {text}"
                    for letter, text in zip(LETTERS, record.options, strict=False)
                ],
                "answer": record.gold,
                "response": record.response or "",
            }
            for record in records
        ],
    }


def _submittable(run: Run, benchmark: str, groups: Sequence[str]) -> None:
    usual = {"control": "none", "permute_options": 1}
    for key, value in usual.items():
        if run.identity.get(key, value) != value:
            raise RequestError(f"{run.folder}: {key}={run.identity[key]} is a diagnosis, no result")
    lacking = [name for name in groups if any(name not in r.groups for r in run.records)]
    if lacking or not run.records:
        raise RequestError(
            f"{run.folder}: a {run.task} run without {', '.join(lacking) or 'records'}; "
            f"export {benchmark} wants a run of {benchmark}"
        )
