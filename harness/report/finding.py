"""A run by its folder, its id or its model's name; and which runs there are when it is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import JournalError, RequestError
from harness.names import nearest

if TYPE_CHECKING:
    from harness.report.runs import Run

_MOST = 10
"""How many runs a message lists."""


def run_named(name: Path | str, results: Path | str = "results") -> Run:
    """The run that a folder, an id (or its beginning), a model or task/model names.

    Raises JournalError for a damaged run, RequestError for no run or several: it lists them.
    """
    return _only(_candidates(name, results), name)


def runs_named(names: Sequence[Path | str], results: Path | str = "results") -> list[Run]:
    """The runs of several names, to be held against each other.

    A name of several runs means the one that fits the others: of their task, asked as they were;
    then one that is complete, of the whole benchmark, without control and judge. Raises as
    ``run_named`` does, where that leaves none or several.
    """
    found = [_candidates(name, results) for name in names]
    for place in sorted(range(len(names)), key=lambda place: len(found[place])):
        others = [one for at, some in enumerate(found) for one in some if at != place]
        certain = [some[0] for at, some in enumerate(found) if at != place and len(some) == 1]
        fitting = _fitting(found[place], certain or others)
        found[place] = fitting if len(fitting) == 1 else [_only(found[place], names[place])]
    return [run for (run,) in found]


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


def _listed(found: Sequence[Run]) -> str:
    """Runs, a line each: their names, and what tells them apart in short."""
    from harness.report import tables
    from harness.run.journal import difference

    told = [_told(run) for run in found]
    lines = []
    for run, words in zip(found[:_MOST], told, strict=False):
        if told.count(words) > 1 and run is not found[0]:
            other = difference(run.identity, found[0].identity)
            words = f"{words}; {tables.short(other, 80)}" if other else words
        lines.append(f"\n  {run.task}/{run.model}/{run.id}  {words}")
    more = f"\n  and {len(found) - _MOST:,} more" if len(found) > _MOST else ""
    return "".join(lines) + more


def _told(run: Run) -> str:
    """``8 frames, limit 6, judged``."""
    words = [f"{run.frames} frames" if run.frames else ""]
    words.append(f"limit {run.identity['limit']}" if run.identity.get("limit") else "whole")
    words.append(f"control {run.control}" if run.control != "none" else "")
    words.append("judged" if run.identity.get("judge") else "")
    words.append("" if run.complete else "incomplete")
    return ", ".join(filter(None, words))


def _candidates(name: Path | str, results: Path | str) -> list[Run]:
    """Every run that a name may mean. Raises as ``run_named`` does, but not for several."""
    from harness.report import runs

    if found := [runs.load(folder) for folder in folders_named(name, results)]:
        return runs.without_copies(found)[0]
    if not Path(results).is_dir():
        raise RequestError(f"{name}: no such run, and no folder {results}; use --results")
    every, _ = runs.find(results)
    if not every:
        raise RequestError(f"{name}: no such run; there are none under {results}")
    raise RequestError(f"{name}: no such run under {results}; there are:{_listed(every)}")


def _fitting(found: list[Run], others: Sequence[Run]) -> list[Run]:
    """Those of the runs that fit the others best."""
    from harness.report.comparable import asked

    tasks, alike = {run.task for run in others}, [asked(run) for run in others]
    wishes: tuple[Callable[[Run], bool], ...] = (
        lambda run: run.task in tasks,
        lambda run: asked(run) in alike,
        lambda run: run.complete,
        lambda run: run.identity.get("limit") is None,
        lambda run: run.control == "none",
        lambda run: not run.identity.get("judge"),
    )
    for wish in wishes:
        found = [run for run in found if wish(run)] or found
    return found


def _only(found: Sequence[Run], name: Path | str) -> Run:
    if len(found) == 1:
        return found[0]
    raise JournalError(f"{name}: {len(found)} runs; name one of them:{_listed(found)}")


def _scored_again(folder: Path) -> bool:
    """Whether the run only scores another's responses: a model's name means the other then."""
    from harness.run.journal import read_json

    return "scored_from" in read_json(folder / "request.json")


def _folders(under: Path) -> list[Path]:
    """The run folders below a folder that is none; of a run's own file, that run's."""
    run = under.parent if under.is_file() else under
    if (run / "request.json").is_file():
        return [run]
    return sorted(path.parent for path in under.rglob("request.json"))


def _named(folder: Path, name: str, results: Path) -> bool:
    """Whether a run folder has this id, also behind its model or task/model (as lists of runs name
    it), or lies in the folder of this model or task/model."""
    if folder.name.startswith(name):
        return True
    place = folder.relative_to(results)
    return any(f"/{path.as_posix()}".endswith(f"/{name}") for path in (place, place.parent))
