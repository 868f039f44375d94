"""A run while it goes on, from its records file alone: it may lie on another machine's disk."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

from harness.report import tables
from harness.report.runs import Run, load
from harness.run.journal import read_records
from harness.run.scoring import score_records
from harness.types import Estimate, Record, Scorer

if TYPE_CHECKING:
    from harness.task import Task


@dataclass(frozen=True)
class State:
    """A run at one moment.

    ``answered`` of ``expected`` questions; ``score`` over those that can be scored without a judge
    (None: none yet, or a judge decides); ``statuses`` counts by status; ``reason`` is the latest
    failure's; ``written`` when the records last grew (Unix time); ``started`` when the run was;
    ``waiting`` is what is said of responses that wait for a judge.
    """

    answered: int
    expected: int | None
    score: Estimate | None
    unit: str
    statuses: Mapping[str, int]
    reason: str
    written: float
    started: float | None
    done: bool
    waiting: str = ""

    def speed(self, before: State | None = None) -> float | None:
        """Questions a second since ``before``, else since the start; None: not known yet."""
        if before is not None and self.written > before.written:
            return (self.answered - before.answered) / (self.written - before.written)
        if self.started is None or self.written <= self.started:
            return None
        return self.answered / (self.written - self.started)


def state(folder: Path) -> State:
    """How far a run is. Raises JournalError when there is no run, or its records are damaged."""
    run = load(folder)
    files = list(folder.glob("records-*.jsonl"))
    found = read_records(folder) if files else []
    records, expected = _scored(run, list(found)), run.request.get("questions")
    metric = run.metrics[0]
    counted = any(record.score and record.score.values for record in records)
    failed = [record.reason for record in records if record.status == "failed" and record.reason]
    started = (run.request.get("environment") or {}).get("started")
    done = expected is not None and len(records) >= int(expected)
    done = done and (folder / "summary.json").is_file()
    return State(
        len(records),
        int(expected) if expected is not None else None,
        metric.estimate(records) if counted else None,
        metric.unit,
        Counter(record.status for record in records),
        failed[-1] if failed else "",
        max((path.stat().st_mtime for path in files), default=0.0),
        datetime.fromisoformat(str(started)).timestamp() if started else None,
        done,
        run.not_judged if done else "",
    )


def line(now: State, before: State | None = None, clock: float | None = None) -> str:
    """The state in one line: ``120 of 198, 91.4 [87.3, 94.6] so far, 13.8/s, 0:06 left``."""
    parts = [f"{now.answered:,} of {now.expected or '?'} questions"]
    if now.score is not None:
        parts.append(tables.interval(now.score, now.unit) + ("" if now.done else " so far"))
    elif now.answered and not now.waiting:
        parts.append("not scored yet")
    parts += [
        f"{now.statuses[name]} {name}"
        for name in ("unparsed", "truncated", "failed", *(["unscored"] if now.done else []))
        if now.statuses.get(name)
    ]
    if now.waiting:
        return ", ".join([*parts, now.waiting])
    if now.done:
        lost = now.statuses.get("failed") or now.statuses.get("unscored")
        return ", ".join([*parts, "ended" if lost else "complete"])
    if speed := now.speed(before):
        parts.append(f"{speed:.3g} questions/s")
        if now.expected:
            parts.append(f"{_span((now.expected - now.answered) / speed)} left")
    quiet = (time.time() if clock is None else clock) - now.written
    if now.answered and quiet > 60:
        parts.append(f"nothing new for {_span(quiet)}")
    if now.reason:
        parts.append(f"last failure: {tables.short(now.reason, 80)}")
    return ", ".join(parts)


def _scored(run: Run, records: list[Record]) -> list[Record]:
    """The records with what a scorer that asks nobody makes of them."""
    waiting = any(record.status == "unscored" for record in records)
    if not waiting or not isinstance(run.scorer, Scorer):
        return records
    rules = _Rules(run.scorer, str(run.protocol.get("answer_marker") or ""))
    return score_records(cast("Task", rules), records)


@dataclass(frozen=True)
class _Rules:
    """All of a task that scoring looks at: its own class need not be here, on another machine."""

    scorer: Scorer
    answer_marker: str


def _span(seconds: float) -> str:
    minutes, rest = divmod(int(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
