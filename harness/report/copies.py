"""Runs that lie in the results twice: a folder was copied."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.report.runs import Run


def without_copies(runs: Sequence[Run]) -> tuple[list[Run], list[str]]:
    """The runs in order, each id once, and a line about each copy: of those with one id the one at
    its own place (task/model/id) counts, else the one in the fewest folders."""

    def rank(run: Run) -> tuple[bool, int]:
        parts = run.folder.resolve().parts
        own = Path(run.task, run.model, run.id).parts
        return parts[-len(own) :] != own, len(parts)

    first: dict[str, Run] = {}
    for run in sorted(runs, key=rank):
        first.setdefault(run.id, run)
    copies = [
        f"{run.folder}: the same run as {first[run.id].folder}, which alone counts: move one of "
        "them away"
        for run in runs
        if run is not first[run.id]
    ]
    return [run for run in runs if run is first[run.id]], copies
