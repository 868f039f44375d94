"""Baselines: what a run must still answer, small enough to commit.

A baseline is a JSON file under results/baselines/<task>/<model>.json: the request that made it,
its summary, and each question's video, groups, score and answer. Unread answers count as wrong
here whatever the protocol's denominator, so that a reader which stops reading cannot pass.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.errors import JournalError, RequestError
from harness.run.journal import read_json, write_atomically
from harness.report.runs import Run, resolve
from harness.report.summary import score_of
from harness.types import Record

FORMAT = 1


@dataclass(frozen=True)
class Answered:
    """What a baseline keeps of one question. ``score`` is None for a failed one."""

    video: str
    groups: dict[str, str]
    score: float | None
    answer: str | None


@dataclass(frozen=True)
class Side:
    """A baseline or a run: ``label``, what was asked, and its answers by question."""

    label: str
    identity: dict[str, Any]
    questions: dict[str, Answered]


def side_of(run: Run) -> Side:
    """A run as the gate sees it."""
    questions = {record.question: _answered(record) for record in run.records}
    return Side(str(run.folder), run.identity, questions)


def read(path: Path | str, results: Path | str = "results") -> Side:
    """A baseline file, or a run by folder or id. Raises JournalError."""
    path = Path(path)
    if not (path.is_file() and path.suffix == ".json" and path.name != "request.json"):
        return side_of(resolve(path, results))
    content = read_json(path)
    try:
        if content["format"] != FORMAT:
            raise ValueError(f"format {content['format']}, not {FORMAT}")
        questions = {q: Answered(**value) for q, value in content["questions"].items()}
        return Side(str(path), dict(content["identity"]), questions)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise JournalError(
            f"{path}: no baseline ({error}); write one with gate --update"
        ) from error


def update(run: Run, path: Path | None = None, results: Path | str = "results") -> Path:
    """Makes a run the baseline of its task and model; returns the file.

    Raises RequestError for an incomplete run: what it failed on could never be seen to break.
    """
    if not run.complete:
        raise RequestError(
            f"{run.folder}: incomplete ({run.summary['failed']} failed); run it again to its end "
            "before making it a baseline"
        )
    path = path or Path(results) / "baselines" / run.task / f"{run.model}.json"
    kept = ("n", "accuracy", "half_width", "scored", "unread", "failed", "by")
    content = {
        "format": FORMAT,
        "identity": run.identity,
        "summary": {key: run.summary.get(key) for key in kept},
        "questions": {},
    }
    head = json.dumps(content, indent=1, ensure_ascii=False).removesuffix("{}\n}")
    lines = (
        f"  {json.dumps(q, ensure_ascii=False)}: {json.dumps(asdict(a), ensure_ascii=False)}"
        for q, a in side_of(run).questions.items()
    )  # one line per question, so that a changed answer is one line in a review
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, head + "{\n" + ",\n".join(lines) + "\n }\n}\n")
    return path


def _answered(record: Record) -> Answered:
    failed = record.status == "failed" or record.gold is None
    score = None if failed else score_of(record)
    return Answered(record.video, dict(record.groups), score, record.answer)
