"""Runs as they lie on disk: found, read, checked."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.build import build
from harness.errors import DataError, HarnessError, JournalError
from harness.report import migration
from harness.report.copies import without_copies
from harness.report.request_shape import check_shape
from harness.report.summary import Summary, summarise
from harness.run.folder import record_files
from harness.run.journal import CIRCUMSTANCES, read_json, read_records
from harness.run.judge_stage import not_judged
from harness.run.judging import LIMIT
from harness.run.raised import clause
from harness.run.scoring import on_scale
from harness.types import JSON, JudgedScorer, Metric, Record, Scorer

if TYPE_CHECKING:
    from harness.task import Task

NAME = re.compile(r"[\w.\-]+(/[\w.\-]+)*")
"""What a task or model may be called: it becomes a folder, so no ../ and no NUL."""


@dataclass(frozen=True)
class Run:
    """One run folder: its ``request`` as a dict, its ``summary``, its records on demand."""

    folder: Path
    request: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.request.get("id", self.folder.name))

    @property
    def task(self) -> str:
        return str(self.request["task"])

    @property
    def model(self) -> str:
        return str(self.request["model"])

    @property
    def frames(self) -> int | None:
        value = self.request.get("frames")
        return int(value) if value is not None else None

    @property
    def identity(self) -> dict[str, Any]:
        """Everything that decides the answers, as hashed into the id."""
        beside = (*CIRCUMSTANCES, "id")
        return {key: value for key, value in self.request.items() if key not in beside}

    @property
    def protocol(self) -> dict[str, Any]:
        """The task as the request describes it: prompt, scorer, metrics, …"""
        return dict(self.request.get("protocol") or {})

    @property
    def control(self) -> str:
        return str(self.request.get("control") or "none")

    @property
    def complete(self) -> bool:
        return self.summary.complete

    @property
    def old(self) -> bool:
        """Whether it was written before format 2 (``harness.report.migration``)."""
        return migration.is_old(self.request)

    @cached_property
    def task_object(self) -> Task:
        """The task, built again. Raises RequestError when its class is not to be found here."""
        asked = (self.request.get("settings") or {}).get("task") or {}
        described = {"source": asked.get("source"), **self.protocol}  # no part of the identity
        task: Task = build(described, f"{self.folder}/request.json: protocol")
        return task

    @cached_property
    def scorer(self) -> Scorer | JudgedScorer:
        """The task's scorer. Raises RequestError when its own class is not to be found."""
        if self.old:
            return migration.scorer(self.protocol)
        scorer: Scorer = build(self._described("scorer"), f"{self.folder}/request.json: scorer")
        return scorer

    @cached_property
    def metrics(self) -> tuple[Metric, ...]:
        """The task's metrics, the headline first."""
        if self.old:
            return migration.metrics(self.protocol)
        where = f"{self.folder}/request.json: metrics"
        return tuple(build(metric, where) for metric in self._described("metrics"))

    @cached_property
    def summary(self) -> Summary:
        """From summary.json; made again from the records where that is missing or damaged."""
        path = self.folder / "summary.json"
        try:
            return Summary.from_json(read_json(path))
        except JournalError:
            return self.summarised(self.records)

    @cached_property
    def records(self) -> list[Record]:
        """Every record, sorted by question; one with a value beyond its metric's bounds is
        unscored. Raises JournalError."""
        if self.old:
            return _checked(self.folder, migration.records(self.folder))
        found = _checked(self.folder, read_records(self.folder))
        try:
            return on_scale(found, self.metrics)
        except HarnessError:  # a metric's class is not here: nothing is known of its bounds
            return found

    def summarised(
        self,
        records: Sequence[Record],
        metrics: Sequence[Metric] | None = None,
        *,
        task: Task | None = None,
        expected: int | None = None,
        waited: float = 0.0,
        judge: JSON = None,
        share: float | None = None,
        energy: float | None = None,
    ) -> Summary:
        """What these records, or other metrics, make of the run: the one way to a summary.

        ``task`` is the run's, where it is at hand (None: from the request); ``expected`` how many
        answers were asked for (None: as the request says); ``waited``, ``judge``, ``share`` and
        ``energy`` are what no record says (``Summary``).
        """
        known = task or self
        breakdowns = task.breakdowns if task else self.protocol.get("breakdowns") or ()
        expected = self.request.get("questions") if expected is None else expected
        made = summarise(
            records,
            task=self.task,
            model=self.model,
            frames=self.frames,
            metrics=metrics or known.metrics,
            scorer=known.scorer,
            breakdowns=tuple(breakdowns),
            expected=expected,
            judge=judge,
            unjudged=self.unjudged,
        )
        return replace(
            made,
            complete=made.complete and expected is not None,  # else nobody knows
            waited=round(waited, 3),
            share=None if share is None else round(share, 4),
            energy=energy,
        )

    @property
    def unjudged(self) -> float:
        """The share of responses that may be left without a score in a complete run."""
        return LIMIT if self.request.get("judge") else 0.0

    @property
    def not_judged(self) -> str:
        """The line about responses that wait for a judge; empty where none do."""
        if self.request.get("judge") or not self.summary.unscored or self.old:
            return ""
        try:
            judged = isinstance(self.scorer, JudgedScorer)
        except HarnessError:  # its class is not here: nobody can score it here either
            return ""
        return not_judged(self.summary.unscored, self.folder) if judged else ""

    def _described(self, name: str) -> Any:
        if found := self.protocol.get(name):
            return found
        raise JournalError(
            f"{self.folder}/request.json: says nothing of the task's {name}; it was written by "
            "an earlier version of this harness: run the request again"
        )


def load(folder: Path | str, records: Sequence[Record] | None = None) -> Run:
    """Reads one run folder; its ``records`` only where they are not given. Raises JournalError."""
    folder = Path(folder)
    path = folder / "request.json"
    if not path.is_file():
        raise JournalError(
            f"{folder}: no run here (no request.json); name a folder such as "
            "results/demo/tiny_video/<run id>"
        )
    request = read_json(path)
    for key in ("task", "model"):
        name = request.get(key)
        if not isinstance(name, str) or not NAME.fullmatch(name) or ".." in name:
            raise JournalError(f"{path}: {key} is {name!r}, which this harness never writes")
    check_shape(path, request)
    run = Run(folder, request)
    if records is not None:
        vars(run)["records"] = _checked(folder, records)
    try:
        _ = run.summary  # a run that cannot be read is found out here
    except DataError as error:  # of its records: a group that its metric cannot score
        raise JournalError(f"{folder}: {error}") from error
    return run


def find(results: Path | str) -> tuple[list[Run], list[str]]:
    """Every readable run under ``results``, and one line about each that is not, or is a copy.

    A folder in which nothing was ever answered is a failed start, and no run.
    """
    runs, complaints = [], []
    for path in sorted(Path(results).rglob("request.json")):
        try:
            if record_files(path.parent):
                runs.append(load(path.parent))
        except HarnessError as error:
            complaints.append(str(error))
        except OSError as error:  # another's files, or a disk that fails
            complaints.append(f"{error.filename or path}: {str(error.strerror).lower()}")
        except Exception as error:  # noqa: BLE001  # a user's own metric: it costs its run alone
            complaints.append(f"{path.parent}: {clause(error)}")
    once, copies = without_copies(runs)
    return once, complaints + copies


def _checked(folder: Path, found: Sequence[Record]) -> list[Record]:
    records = sorted(found, key=lambda record: record.key)
    for record in records:
        if record.score is None:
            continue
        for name, value in record.score.values.items():
            if not (isinstance(value, int | float) and math.isfinite(value)):
                raise JournalError(
                    f"{folder}: question {record.key!r} has the {name} {value!r}, which is "
                    "no finite number; delete its line to have it asked again"
                )
    return records
