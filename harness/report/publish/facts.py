"""What every form of publication says of a run, in one place."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from harness.errors import RequestError
from harness.identity import digest
from harness.metrics import Mean, Summing
from harness.report import tables
from harness.report.comparable import asked
from harness.report.runs import Run
from harness.run.judge_files import judge_name
from harness.types import JSON, Record

_LINE_ENDS = re.compile("[\x7f-\x9f\u2028\u2029]")  # JSON escapes those below a space itself
_USUAL: dict[str, Any] = {"control": "none", "permute_options": 1, "repeats": 1, "limit": None}
"""What a request for a result says; anything else is a diagnosis or a part."""


def protocol_hash(run: Run) -> str:
    """What two runs whose numbers may be compared have in common, as 12 hexadecimal digits."""
    return str(digest(asked(run), 12))


def worth(run: Run) -> Callable[[Record], float | None]:
    """What a record adds to the headline: None where it is left out of it, so never a zero."""
    headline = run.metrics[0]
    if isinstance(headline, Mean):
        return replace(headline, macro=()).worth
    if not isinstance(headline, Summing):
        return Mean(headline.name, low=None, high=None).worth
    higher = headline.higher_is_better
    return Mean(headline.value, low=headline.low, high=headline.high, higher_is_better=higher).worth


def best(run: Run) -> float | None:
    """What a wholly right answer adds to the headline; None where no score is the best."""
    headline = run.metrics[0]
    if not isinstance(headline, Summing):
        return None
    return headline.high if headline.higher_is_better else headline.low


def targets(target: JSON) -> list[str]:
    """The right answers as texts; none where the label is hidden."""
    if target is None:
        return []
    several = target if isinstance(target, list | tuple) else [target]
    return [tables.plain(one) for one in several]


def json_line(made: Mapping[str, Any]) -> str:
    """An object as a line of JSON that every reader takes for one line: some split at what Unicode
    calls a line's end. Half a character, which no file can hold, becomes a question mark."""
    text = json.dumps(made, ensure_ascii=False, allow_nan=False)
    text = text.encode("utf-8", "replace").decode("utf-8")
    return _LINE_ENDS.sub(lambda end: f"\\u{ord(end[0]):04x}", text) + "\n"


def unusual(run: Run) -> dict[str, Any]:
    """What makes the run a diagnosis or a part, by its setting; empty for a result."""
    told = {key: run.identity.get(key, usual) for key, usual in _USUAL.items()}
    return {key: value for key, value in told.items() if value != _USUAL[key]}


def data_set(run: Run) -> str:
    """The hub's data set that the task reads; empty where it reads none."""
    asked = (run.request.get("settings") or {}).get("task") or {}
    source = asked.get("source") if isinstance(asked, dict) else None
    repo = source.get("repo") if isinstance(source, dict) else None
    repo = repo or (run.request.get("data") or {}).get("repo")
    return str(repo) if repo and "/" in str(repo) else ""


def checkpoint(run: Run) -> str:
    """The model's name on the hub where its settings hold one, or its server's for it, else its
    name here."""
    settings: Any = (run.request.get("settings") or {}).get("backend") or {}
    told = (run.request.get("backend") or {}).get("checkpoint") or settings.get("checkpoint")
    if isinstance(told, str) and told.count("/") == 1 and not told.startswith(("/", ".", "~")):
        return told
    served = settings.get("model")
    local = not isinstance(served, str) or served.startswith(("/", ".", "~"))
    return run.model if local or not served else str(served)


def judge_model(run: Run) -> str:
    """The judge's name; empty where the run has none, or one that is a rule and no model."""
    judge = run.request.get("judge")
    return judge_name(run.request) if isinstance(judge, dict) and "rule" not in judge else ""


def started(run: Run) -> datetime:
    """When the run was begun, so that writing it again writes the same."""
    told = (run.request.get("environment") or {}).get("started")
    if told:
        return datetime.fromisoformat(str(told))
    return datetime.fromtimestamp((run.folder / "request.json").stat().st_mtime, UTC)


def finished(run: Run, what: str) -> None:
    """Raises RequestError for a run that is no result: a control, or incomplete."""
    for key, value in unusual(run).items():
        raise RequestError(
            f"{run.folder}: {key}={value} is a diagnosis or a part; {what} takes a run of the "
            "whole benchmark"
        )
    if not run.complete:
        raise RequestError(f"{run.folder}: incomplete; run the request again, then publish it")
