"""Runs that lie in the results twice: a folder was copied."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.run.folder import record_files

if TYPE_CHECKING:
    from harness.report.runs import Run


def without_copies(runs: Sequence[Run]) -> tuple[list[Run], list[str]]:
    """The runs in order, each once, and a line about each copy: a run of the same id and the same
    records (the same request elsewhere may have been answered otherwise, or in part). The one at
    its own place (task/model/id) counts, else the one in the fewest folders."""

    def rank(run: Run) -> tuple[bool, int]:
        parts = run.folder.resolve().parts
        own = Path(run.task, run.model, run.id).parts
        return parts[-len(own) :] != own, len(parts)

    alike: dict[str, list[Run]] = {}
    for run in runs:
        alike.setdefault(run.id, []).append(run)
    copy_of: dict[Path, Path] = {}
    for several in alike.values():
        first: dict[bytes, Run] = {}
        for run in sorted(several, key=rank) if len(several) > 1 else ():
            if (same := first.setdefault(_content(run), run)) is not run:
                copy_of[run.folder] = same.folder
    copies = [
        f"{folder}: the same run as {same}, which alone counts: move one of them away"
        for folder, same in copy_of.items()
    ]
    return [run for run in runs if run.folder not in copy_of], copies


def _content(run: Run) -> bytes:
    """A hash of the run's records."""
    made = hashlib.sha256()
    for path in record_files(run.folder):
        made.update(path.read_bytes())
    return made.digest()
