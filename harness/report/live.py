"""A run while it goes on, from its records file alone: it may lie on another machine's disk."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from harness.estimates import estimate
from harness.report import tables
from harness.report.runs import Run, load
from harness.run.folder import record_files
from harness.run.record_lines import RecordFiles
from harness.run.scoring import score_records
from harness.run.sessions import sessions
from harness.types import Estimate, Metric, Record, Scorer


@dataclass(frozen=True)
class State:
    """A run at one moment.

    ``answered`` of ``expected`` questions, without those that failed in an earlier session and are
    still to be asked again; ``score`` over those that can be scored without a judge
    (None: none yet, or a judge decides); ``statuses`` counts by status; ``reason`` is the latest
    failure's; ``written`` when the records last grew (Unix time); ``started`` when the run was
    (None: not known, as of several shards), of a resumed one its latest session, before which
    ``kept`` questions were answered; ``done``: it has ended, and is not going on again;
    ``complete``: its summary says so;
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
    complete: bool = False
    kept: int = 0

    def speed(self, before: State | None = None) -> float | None:
        """Questions a second since ``before``, else since the start; None: not known yet."""
        if before is not None and self.written > before.written:
            return (self.answered - before.answered) / (self.written - before.written)
        if self.started is None or self.written <= self.started:
            return None
        return (self.answered - self.kept) / (self.written - self.started)


def state(folder: Path) -> State:
    """How far a run is. Raises JournalError when there is no run, or its records are damaged."""
    run = load(folder)
    files, lines_read = record_files(folder), RecordFiles(folder)
    records, expected = _scored(run, lines_read.read()), run.request.get("questions")
    metric = run.metrics[0]
    counted = any(record.score and record.score.values for record in records)
    failed = [record.reason for record in records if record.status == "failed" and record.reason]
    started, kept, before = _began(run)
    finished = expected is not None and len(records) >= int(expected)
    done = finished and (folder / "summary.json").is_file()
    statuses: Counter[str] = Counter(record.status for record in records)
    again = 0  # to be asked again
    if before is not None and not done:  # an answered one counts, though its lines were rewritten
        asked = kept + lines_read.lines() - before
        again = max(0, min(statuses["failed"], len(records) - asked))
        statuses["failed"] -= again
    return State(
        len(records) - again,
        int(expected) if expected is not None else None,
        estimate(metric, records) if counted else None,
        metric.unit,
        statuses,
        failed[-1] if failed and statuses["failed"] else "",
        max((path.stat().st_mtime for path in files), default=0.0),
        None if started is None else datetime.fromisoformat(started).timestamp(),
        done,
        run.not_judged if done else "",
        run.complete,
        kept,
    )


def line(now: State, before: State | None = None, clock: float | None = None) -> str:
    """The state in one line: ``120 of 198 questions, 91.4 [87.3, 94.6] so far (looked at early: not
    final), 13.8 questions/s, 0:06 left``. An interval covers at the size that was fixed beforehand,
    not at whichever moment one looks; one that holds at all moments needs clips in random order,
    as `gate --sequential` asks them, which a run's are not."""
    parts = [f"{now.answered:,} of {now.expected or '?'} questions"]
    if now.score is not None:
        found = tables.interval(now.score, now.unit)
        parts.append(found if now.done else f"{found} so far (looked at early: not final)")
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
        return ", ".join([*parts, "complete" if now.complete else "ended"])
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


def _began(run: Run) -> tuple[str | None, int, int | None]:
    """When the latest session began, how many questions were answered before, and how many lines
    of records there were (None: not known); no time where several shards are, or may be, at
    work."""
    found = sessions(run.folder)
    if len(found) > 1 and any(one.get("shard") for one in found):
        return None, 0, None
    if found:
        last, lines = found[-1], found[-1].get("lines")
        known = lines if isinstance(lines, int) else None
        return str(last["environment"]["started"]), int(last["kept"]), known
    started = (run.request.get("environment") or {}).get("started")
    return None if started is None or _logged(run) > 1 else str(started), 0, None


def _logged(run: Run) -> int:
    """How often a run of an earlier version was begun: each session's first line in its log is the
    same."""
    try:
        text = (run.folder / "run.log").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 1
    return text.count(f" INFO {run.model} on {run.task}: ")


def _scored(run: Run, records: list[Record]) -> list[Record]:
    """The records with what a scorer that asks nobody makes of them."""
    waiting = any(record.status == "unscored" for record in records)
    if not waiting or not isinstance(run.scorer, Scorer):
        return records
    rules = _Rules(run.scorer, run.metrics, str(run.protocol.get("answer_marker") or ""))
    return score_records(rules, records)


@dataclass(frozen=True)
class _Rules:
    """All of a task that scoring looks at: its own class need not be here, on another machine."""

    scorer: Scorer
    metrics: tuple[Metric, ...]
    answer_marker: str


def _span(seconds: float) -> str:
    minutes, rest = divmod(int(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
