"""How long models waited for frames, over all sessions of a run: ``waited.jsonl``, a line each."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from harness.errors import JournalError
from harness.run.durable import append_line
from harness.run.journal import read_json
from harness.run.record_lines import refuse_constant

NAME = "waited.jsonl"


def waited_in_all(folder: Path, now: float) -> float:
    """Seconds over all sessions, with this one's ``now``, which is written down.

    A session that is killed leaves no line: its seconds are not known. Of a run without the file
    what its summary says counts as one session.
    """
    file = folder / NAME
    if not file.exists() and (before := _summarised(folder)):
        _append(file, before)
    if now:
        _append(file, now)
    return sum(_lines(file))


def _append(file: Path, seconds: float) -> None:
    ended = datetime.now(UTC).isoformat(timespec="seconds")
    append_line(file, {"ended": ended, "waited": round(seconds, 3)})


def _lines(file: Path) -> list[float]:
    """The seconds of every whole line; one that a crash cut off is passed over."""
    found = []
    for raw in file.read_bytes().splitlines() if file.exists() else ():
        try:
            found.append(float(json.loads(raw, parse_constant=refuse_constant)["waited"]))
        except (ValueError, TypeError, KeyError):
            continue
    return found


def _summarised(folder: Path) -> float:
    try:
        return float(read_json(folder / "summary.json").get("waited") or 0.0)
    except (JournalError, TypeError, ValueError):
        return 0.0
