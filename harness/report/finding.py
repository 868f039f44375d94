"""A run by its folder, its id or its model's name; and which runs there are when it is none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import JournalError, RequestError
from harness.names import nearest

if TYPE_CHECKING:
    from harness.report.runs import Run

_MOST = 12


def run_named(name: Path | str, results: Path | str = "results") -> Run:
    """The run that a folder, an id (or its beginning), a model or task/model names.

    Raises JournalError for a damaged run, RequestError for no run or several: it lists them.
    """
    from harness.report import runs

    if found := folders_named(name, results):
        return _only(found, name)
    if not Path(results).is_dir():
        raise RequestError(f"{name}: no such run, and no folder {results}; use --results")
    every, _ = runs.find(results)
    if not every:
        raise RequestError(f"{name}: no such run; there are none under {results}")
    raise RequestError(f"{name}: no such run under {results}; there are: {said(every)}")


def folders_named(name: Path | str, results: Path | str = "results") -> list[Path]:
    """The run folders that a folder, an id (or its beginning), a model or task/model names."""
    if Path(name).exists() and (found := _folders(Path(name))):
        return [path for path in found if not _scored_again(path)] or found
    found = [path for path in _folders(Path(results)) if _named(path, str(name), Path(results))]
    return [path for path in found if not _scored_again(path)] or found


def of_task(found: Sequence[Run], task: str | None) -> list[Run]:
    """The runs of one task; all of them for None. Raises RequestError, which says which tasks there
    are, where it has none."""
    chosen = [run for run in found if task in (None, run.task)]
    if task is not None and not chosen:
        known = {run.task for run in found}
        hint = nearest(task, known) or ("" if known else "; there are no runs at all")
        raise RequestError(f"--task {task}: no run of it{hint}")
    return chosen


def said(found: Iterable[Run]) -> str:
    """Runs in one line: what they are and their ids."""
    several = list(found)
    names = [f"{run.task}/{run.model}/{run.id}" for run in several[:_MOST]]
    more = f" and {len(several) - _MOST} more" if len(several) > _MOST else ""
    return ", ".join(names) + more


def _only(folders: list[Path], name: Path | str) -> Run:
    from harness.report import runs, tables
    from harness.run.journal import difference

    if len(folders) == 1:
        return runs.load(folders[0])
    some = [runs.load(folder) for folder in folders[:_MOST]]
    first = some[0].identity
    told = ", ".join(
        f"{run.folder}"
        + (f" ({tables.short(difference(run.identity, first), 80)})" if run is not some[0] else "")
        for run in some
    )
    raise JournalError(f"{name}: {len(folders)} runs: {told}; name one of them")


def _scored_again(folder: Path) -> bool:
    """Whether the run only scores another's responses: a model's name means the other then."""
    from harness.run.journal import read_json

    return "scored_from" in read_json(folder / "request.json")


def _folders(under: Path) -> list[Path]:
    """The run folders below a folder; of a run's own file, that run's."""
    if under.is_file():
        return [under.parent] if (under.parent / "request.json").is_file() else []
    return sorted(path.parent for path in under.rglob("request.json"))


def _named(folder: Path, name: str, results: Path) -> bool:
    """Whether a run folder has this id, or lies in the folder of this model or task/model."""
    if folder.name.startswith(name):
        return True
    place = folder.relative_to(results).parent.as_posix()
    return place == name or place.endswith(f"/{name}")
