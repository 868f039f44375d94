"""Baselines: what a run must still answer, small enough to commit.

A baseline is a JSON file under results/baselines/<task>/<model>.json: the request that made it,
its metrics, its summary, and what is needed of each question: video, groups, target, scores and
answer. Unparsed answers count as wrong here whatever the protocol's rule for counting, so that an
extractor which stops reading cannot pass.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.build import build
from harness.errors import HarnessError, JournalError, RequestError
from harness.estimates import LOST
from harness.identity import describe
from harness.metrics import Mean
from harness.report import migration, tables
from harness.report.finding import run_named
from harness.report.runs import Run
from harness.run.journal import read_json, write_atomically
from harness.run.uncollected import uncollected
from harness.types import Metric, Question, Record, Response, Score

FORMAT = 2


@dataclass(frozen=True)
class Side:
    """A baseline or a run: its ``label``, what was asked, its metrics and its records by key."""

    label: str
    identity: Mapping[str, Any]
    metrics: tuple[Metric, ...]
    records: Mapping[str, Record]

    @cached_property
    def headline(self) -> Metric:
        """The headline, an unparsed response counting as the worst."""
        first = self.metrics[0]
        return replace(first, counted="all") if isinstance(first, Mean) else first

    def counts(self, key: str) -> bool:
        """Whether a question was answered here, and has a label."""
        record = self.records.get(key)
        if record is None or record.status in LOST:
            return False
        return record.question.target is not None or record.status == "scored"


@uncollected()
def side_of(run: Run) -> Side:
    """A run as the gate sees it."""
    records = {record.key: record for record in run.records}
    return Side(str(run.folder), run.identity, run.metrics, records)


def read(path: Path | str, results: Path | str = "results") -> Side:
    """A baseline file, or a run by folder or id. Raises JournalError, RequestError for none."""
    path = Path(path)
    if path.suffix == ".json" and not path.exists():
        raise RequestError(
            f"{path}: no such baseline file; harness gate --update {path} RUN makes it"
        )
    if not (path.is_file() and path.suffix == ".json" and path.name != "request.json"):
        return side_of(run_named(path, results))
    content = read_json(path)
    try:
        if content.get("format") == 1:
            return _first_format(path, content)
        if content.get("format") != FORMAT:
            raise ValueError(f"format {content.get('format')}, not {FORMAT}")
        metrics = tuple(build(metric, f"{path}: metrics") for metric in content["metrics"])
        records = [_record(kept) for kept in content["questions"].values()]
        known = {record.key: record for record in records}
        return Side(str(path), dict(content["identity"]), metrics, known)
    except HarnessError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise JournalError(
            f"{path}: no baseline ({error}); write one with gate --update"
        ) from error


def update(run: Run, path: Path | None = None, results: Path | str = "results") -> Path:
    """Makes a run the baseline of its task and model; returns the file.

    Raises RequestError for an incomplete run: what it failed on could never be seen to break.
    """
    summary = run.summary
    if not run.complete:
        raise RequestError(
            f"{run.folder}: incomplete ({summary.failed} failed, {summary.unscored} unscored); "
            "run it again to its end before making it a baseline"
        )
    path = path or Path(results) / "baselines" / run.task / f"{run.model}.json"
    plain = summary.to_json()
    content = {
        "format": FORMAT,
        "identity": run.identity,
        "metrics": [describe(metric) for metric in run.metrics],
        "summary": {name: plain[name] for name in ("n", "clusters", "headline", "metrics")},
        "questions": {},
    }
    head = json.dumps(content, indent=1, ensure_ascii=False).removesuffix("{}\n}")
    lines = (
        f"  {json.dumps(record.key, ensure_ascii=False)}: {json.dumps(kept, ensure_ascii=False)}"
        for record in run.records
        for kept in (_kept(record),)
    )  # one line per question, so that a changed answer is one line in a review
    tables.folder(path.parent)
    write_atomically(path, head + "{\n" + ",\n".join(lines) + "\n }\n}\n")
    return path


def changed_targets(before: Side, after: Side) -> Sequence[str]:
    """The questions whose right answer is another one in each (old baselines kept none)."""
    known = {key: r.question.target for key, r in before.records.items() if key in after.records}
    return [
        key
        for key, target in known.items()
        if target is not None and after.records[key].question.target != target
    ]


def _kept(record: Record) -> dict[str, Any]:
    question, score = record.question, record.score
    asked = {"rotation": question.rotation, "repeat": question.repeat}
    return {
        "id": question.id,
        **{name: times for name, times in asked.items() if times},
        "video": record.video,
        "groups": {name: list(values) for name, values in question.groups.items()},
        "target": question.target,
        "status": record.status,
        "values": dict(score.values) if score else {},
        "answer": score.answer if score else None,
    }


def _record(kept: Mapping[str, Any]) -> Record:
    groups = {str(name): tuple(values) for name, values in kept["groups"].items()}
    question = Question(
        str(kept["id"]),
        "",
        target=kept["target"],
        groups=groups,
        rotation=int(kept.get("rotation", 0)),
        repeat=int(kept.get("repeat", 0)),
    )
    return _answered(
        question, str(kept["video"]), kept["status"], dict(kept["values"]), kept["answer"]
    )


def _first_format(path: Path, content: Mapping[str, Any]) -> Side:
    """A baseline from before format 2: one score a question, groups as texts."""
    identity = dict(content["identity"])
    records = {}
    for name, kept in content["questions"].items():
        groups = {group: migration.groups(text) for group, text in kept["groups"].items()}
        question = migration.question(name, (), None, groups)
        score, answer = kept["score"], kept["answer"]
        values = {} if score is None else {"accuracy": float(score)}
        status = "failed" if score is None else "scored"
        record = _answered(question, str(kept["video"]), status, values, answer)
        records[record.key] = record
    return Side(str(path), identity, migration.metrics(identity["protocol"]), records)


def _answered(
    question: Question, video: str, status: Any, values: Mapping[str, float], answer: Any
) -> Record:
    response = None if status == "failed" else Response(question.key, "")
    score = None if status in LOST else Score(values, answer)
    return Record(question, video, "", response=response, score=score, status=status)
