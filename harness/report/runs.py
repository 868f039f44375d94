"""Runs as they lie on disk: found, read, checked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, JournalError
from harness.journal import CIRCUMSTANCES, read_json, read_records
from harness.report.summary import summarise
from harness.types import Record

_NUMBERS = ("n", "unread", "failed", "accuracy", "half_width", "seconds")
_NEEDED = (*_NUMBERS, "by")


@dataclass(frozen=True)
class Run:
    """One run folder: its ``request`` and ``summary`` as dicts, its records on demand."""

    folder: Path
    request: dict[str, Any]
    summary: dict[str, Any]

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
        """The benchmark's settings: prompt, reader, denominator, …"""
        return dict(self.identity.get("protocol") or {})

    @property
    def control(self) -> str:
        return str(self.identity.get("control") or "none")

    @property
    def complete(self) -> bool:
        return bool(self.summary.get("complete"))

    @cached_property
    def records(self) -> list[Record]:
        """Every record, sorted by question. Raises JournalError."""
        return _checked(self.folder)


def load(folder: Path | str) -> Run:
    """Reads one run folder; makes its summary again where it is missing. Raises JournalError."""
    folder = Path(folder)
    path = folder / "request.json"
    if not path.is_file():
        raise JournalError(
            f"{folder}: no run here (no request.json); name a folder such as "
            "results/demo/tiny_video/<run id>"
        )
    request = read_json(path)
    for key in ("task", "model"):
        if not isinstance(request.get(key), str):
            raise JournalError(f"{path}: has no {key!r}; it was not written by this harness")
    return Run(folder, request, _summary(folder, request))


def find(results: Path | str) -> tuple[list[Run], list[str]]:
    """Every readable run under ``results``, and one line about each that is not."""
    runs, complaints = [], []
    for path in sorted(Path(results).rglob("request.json")):
        try:
            runs.append(load(path.parent))
        except HarnessError as error:
            complaints.append(str(error))
    return runs, complaints


def _summary(folder: Path, request: dict[str, Any]) -> dict[str, Any]:
    path = folder / "summary.json"
    if not path.is_file():
        return _remade(folder, request)
    summary = read_json(path)
    missing = [key for key in _NEEDED if key not in summary]
    wrong = [key for key in _NUMBERS if not _finite(summary.get(key, 0) or 0)]
    if missing or wrong or not isinstance(summary.get("by", {}), dict):
        raise JournalError(
            f"{path}: damaged ({', '.join(missing + wrong) or 'by'}); delete it, and it is made "
            "again from the records"
        )
    return summary


def _remade(folder: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Without a summary nobody knows how many questions there were: not a complete run."""
    run = Run(folder, request, {})
    expected = request.get("questions")
    summary = summarise(
        run.records,
        task=run.task,
        model=run.model,
        frames=run.frames,
        denominator=run.protocol.get("denominator") or "all",
        aggregate=run.protocol.get("aggregate") or "micro",
        breakdowns=run.protocol.get("breakdowns"),
        seconds=sum(record.seconds for record in run.records),
        expected=expected,
    )
    return summary if expected is not None else summary | {"complete": False}


def _checked(folder: Path) -> list[Record]:
    records = sorted(read_records(folder), key=lambda record: record.question)
    for record in records:
        if record.score is not None and not _finite(record.score):
            raise JournalError(
                f"{folder}: question {record.question!r} has the score {record.score!r}, which is "
                "no finite number; delete its line to have it asked again"
            )
    return records


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
