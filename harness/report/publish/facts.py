"""What every form of publication says of a run, in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from harness.errors import RequestError
from harness.identity import digest
from harness.metrics import Mean, Summing
from harness.report.comparable import asked
from harness.report.runs import Run
from harness.types import Record


def protocol_hash(run: Run) -> str:
    """What two runs whose numbers may be compared have in common, as 12 hexadecimal digits."""
    return str(digest(asked(run), 12))


def worth(run: Run) -> Callable[[Record], float | None]:
    """What a record adds to the headline: None where it is left out of it, so never a zero."""
    headline = run.metrics[0]
    name = headline.value if isinstance(headline, Summing) else headline.name
    rule = replace(headline, macro=()) if isinstance(headline, Mean) else Mean(name, low=None)
    return rule.worth


def data_set(run: Run) -> str:
    """The hub's data set that the task reads; empty where it reads none."""
    asked = (run.request.get("settings") or {}).get("task") or {}
    source = asked.get("source") if isinstance(asked, dict) else None
    repo = source.get("repo") if isinstance(source, dict) else None
    repo = repo or (run.request.get("data") or {}).get("repo")
    return str(repo) if repo and "/" in str(repo) else ""


def checkpoint(run: Run) -> str:
    """The model's name on the hub where its settings hold one, else its name here."""
    settings: Any = (run.request.get("settings") or {}).get("backend") or {}
    told = (run.request.get("backend") or {}).get("checkpoint") or settings.get("checkpoint")
    named = isinstance(told, str) and told.count("/") == 1 and not told.startswith(("/", "."))
    return str(told) if named else run.model


def judge_model(run: Run) -> str:
    """The judge's name; empty where the run has none."""
    judge = run.request.get("judge")
    if not isinstance(judge, dict):
        return ""
    for part in (judge, judge.get("model") or {}, judge.get("judge") or {}):
        for key in ("checkpoint", "model", "name"):
            if isinstance(part, dict) and isinstance(part.get(key), str):
                return str(part[key])
    return "unknown"


def started(run: Run) -> datetime:
    """When the run was begun, so that writing it again writes the same."""
    told = (run.request.get("environment") or {}).get("started")
    if told:
        return datetime.fromisoformat(str(told))
    return datetime.fromtimestamp((run.folder / "request.json").stat().st_mtime, UTC)


def finished(run: Run, what: str) -> None:
    """Raises RequestError for a run that is no result: a control, or incomplete."""
    usual = {"control": "none", "permute_options": 1, "repeats": 1, "limit": None}
    for key, value in usual.items():
        if run.identity.get(key, value) != value:
            raise RequestError(
                f"{run.folder}: {key}={run.identity[key]} is a diagnosis or a part; {what} takes a "
                "run of the whole benchmark"
            )
    if not run.complete:
        raise RequestError(f"{run.folder}: incomplete; run the request again, then publish it")
