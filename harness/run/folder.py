"""The files of a run folder, by their names; what is none in a file's place is refused by name."""

from __future__ import annotations

import re
import stat
from pathlib import Path

from harness.errors import JournalError

WRITTEN = (
    "request.json", "summary.json", "report.html", "run.log", "waited.jsonl", "energy.jsonl",
    "sessions.jsonl",
)  # fmt: skip
"""What a run writes beside its records."""

_RECORDS = re.compile(r"records-(0|[1-9][0-9]*)\.jsonl")


def record_files(folder: Path) -> list[Path]:
    """A run's files of records, those of all shards. A user's copy beside them (``records-0 (copy)
    .jsonl``) is nobody's record. Raises JournalError for one by such a name that is no file, or a
    link that leads to none: what it should hold is missing."""
    found = sorted(p for p in folder.glob("records-*.jsonl") if _RECORDS.fullmatch(p.name))
    for path in found:
        refuse_no_file(path)
    return found


def refuse_odd_entries(folder: Path) -> None:
    """Raises JournalError where something that is no file stands in the place of a file that a run
    writes: found out before anything is asked."""
    for path in (*(folder / name for name in WRITTEN), *sorted(folder.glob(".lock*"))):
        refuse_no_file(path)
    record_files(folder)


def refuse_no_file(path: Path) -> None:
    """Raises JournalError where a folder, a broken link or the like stands in a file's place."""
    try:
        mode = path.stat().st_mode  # once: others may write or replace it meanwhile
    except OSError:
        if not path.is_symlink():
            return
        kind = "a link that leads to no file"
    else:
        if stat.S_ISREG(mode):
            return
        kind = "a folder and no file" if stat.S_ISDIR(mode) else "no regular file"
    raise JournalError(f"{path}: is {kind}; move it away and run the same command again")
