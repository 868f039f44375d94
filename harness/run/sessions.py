"""When each session of a run began, under which environment, and what was answered before it:
``sessions.jsonl``, a line each. ``request.json`` has the first one's environment only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import JournalError
from harness.run.durable import append_line
from harness.run.journal import Journal, difference, read_json
from harness.run.record_lines import refuse_constant
from harness.types import JSON

NAME = "sessions.jsonl"


def begin(
    journal: Journal, environment: Mapping[str, JSON], shard: str | None, kept: int = 0
) -> str:
    """Writes down that a session begins to ask, how many questions it need not ask (``kept``: of
    one that failed before there is a record too, and it is asked again), and how many lines of
    records there are; returns what is said where its environment is not the first one's (empty:
    nothing). Raises JournalError.
    """
    journal.records.read()  # its files may have been rewritten since
    session = {"kept": kept, "lines": journal.records.lines(), "shard": shard}
    append_line(journal.folder / NAME, {**session, "environment": dict(environment)})
    first = read_json(journal.folder / "request.json").get("environment") or {}
    other = difference(_lasting(first), _lasting(environment), ("first", "now"), 5)
    return f"resumed elsewhere than it began: {other}" if other else ""


def sessions(folder: Path) -> list[dict[str, Any]]:
    """Every session that asked something, in order; a line that a crash cut off is passed over.
    Empty for a run of an earlier version."""
    path, found = folder / NAME, []
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    for line in lines:
        try:
            one = json.loads(line, parse_constant=refuse_constant)
            if isinstance(one["kept"], int) and isinstance(one["environment"]["started"], str):
                found.append(one)
        except (ValueError, TypeError, KeyError):
            continue
    return found


def ended_whole(folder: Path) -> bool:
    """Whether a run is over and complete: there is nothing to plan."""
    try:
        return read_json(folder / "summary.json").get("complete") is True
    except JournalError:
        return False


def _lasting(environment: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in environment.items() if key != "started"}
