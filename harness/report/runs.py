"""Runs as they lie on disk: found, read, checked."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, JournalError
from harness.run.journal import CIRCUMSTANCES, read_json, read_records
from harness.report.summary import summarise
from harness.types import Record

NAME = re.compile(r"[\w.\-]+(/[\w.\-]+)*")
"""What a task or model may be called: it becomes a folder, so no ../ and no NUL."""
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
        name = request.get(key)
        if not isinstance(name, str) or not NAME.fullmatch(name) or ".." in name:
            raise JournalError(f"{path}: {key} is {name!r}, which this harness never writes")
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


def resolve(name: Path | str, results: Path | str = "results") -> Run:
    """A run by its folder, by a folder that holds only one run, or by its id (or its beginning).

    Raises JournalError when that names no run, or several.
    """
    folder = Path(name)
    if folder.is_file():
        folder = folder.parent
    if (folder / "request.json").is_file():
        return load(folder)
    if folder.is_dir():
        found = sorted(path.parent for path in folder.rglob("request.json"))
    else:
        found = sorted(
            path.parent
            for path in Path(results).rglob("request.json")
            if path.parent.name.startswith(str(name))
        )
    if len(found) != 1:
        several = f": it may be {', '.join(map(str, found[:5]))}" if found else ""
        raise JournalError(
            f"{name}: {len(found) or 'no'} run{'s' * (len(found) != 1)} of that name under "
            f"{folder if folder.is_dir() else results}{several}; name one run's folder or id"
        )
    return load(found[0])


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
