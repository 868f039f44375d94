"""A run by its folder, its id or its model's name; and which runs there are when it is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import JournalError, RequestError
from harness.names import nearest

if TYPE_CHECKING:
    from harness.report.runs import Run

Wish = Callable[["Run"], bool]
"""What a run has to be, of several that a name may mean."""

_MOST = 10
"""How many runs a message lists."""


def run_named(
    name: Path | str, results: Path | str = "results", wishes: Sequence[Wish] = ()
) -> Run:
    """The run that a folder, an id (or its beginning), a model or task/model names.

    A name of several runs means the one that fulfils the ``wishes``, each of which narrows those
    that the ones before it left, unless none fulfils it. Raises JournalError for a damaged run,
    RequestError for no run or several: it lists them.
    """
    return _only(_narrowed(_candidates(name, results), (*wishes, _own)), name)


def runs_named(names: Sequence[Path | str], results: Path | str = "results") -> list[Run]:
    """The runs of several names, to be held against each other.

    A name of several runs means the one that fits the others, and none of these: of their task,
    asked as they were; then one that is complete, of the whole benchmark, without control and
    judge. Raises as ``run_named`` does, where that leaves none or several.
    """
    found = [_narrowed(_candidates(name, results), [_own]) for name in names]
    for place in sorted(range(len(names)), key=lambda place: len(found[place])):
        others = [one for at, some in enumerate(found) for one in some if at != place]
        certain = [some[0] for at, some in enumerate(found) if at != place and len(some) == 1]
        left = [run for run in found[place] if run not in certain] or found[place]
        fitting = _fitting(left, certain or others)
        found[place] = fitting if len(fitting) == 1 else [_only(found[place], names[place])]
    return [run for (run,) in found]


def judged(run: Run) -> bool:
    """A wish: its responses were given to a judge."""
    return bool(run.identity.get("judge"))


def _own(run: Run) -> bool:
    """A wish: its responses are its own. A model's name means no run that only scores another's."""
    return "scored_from" not in run.request


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
    from harness.report.comparable import apart

    told = [_told(run) for run in found]
    alike: dict[str, list[Run]] = {}
    for run, words in zip(found, told, strict=True):
        alike.setdefault(words, []).append(run)
    differing = {words: iter(apart(runs, _MOST)) for words, runs in alike.items()}
    lines = []
    for run, words in zip(found[:_MOST], told, strict=False):
        if more := next(differing[words]):
            words = f"{words}; {tables.short(more, 80)}"
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
    from harness.report.copies import without_copies

    folders = _folders(Path(name)) if Path(name).exists() else []
    if not folders:
        every = _folders(Path(results))
        folders = [path for path in every if _named(path, str(name), Path(results))]
    if folders:
        return without_copies([runs.load(folder) for folder in folders])[0]
    if not Path(results).is_dir():
        raise RequestError(f"{name}: no such run, and no folder {results}; use --results")
    known, _ = runs.find(results)
    if not known:
        raise RequestError(f"{name}: no such run; there are none under {results}")
    raise RequestError(f"{name}: no such run under {results}; there are:{_listed(known)}")


def _fitting(found: list[Run], others: Sequence[Run]) -> list[Run]:
    """Those of the runs that fit the others best."""
    from harness.report.comparable import asked

    tasks, alike = {run.task for run in others}, [asked(run) for run in others]
    wishes: tuple[Wish, ...] = (
        lambda run: run.task in tasks,
        lambda run: asked(run) in alike,
        lambda run: run.complete,
        lambda run: run.identity.get("limit") is None,
        lambda run: run.control == "none",
        lambda run: not judged(run),
    )
    return _narrowed(found, wishes)


def _narrowed(found: list[Run], wishes: Sequence[Wish]) -> list[Run]:
    """Those of the runs that fulfil the wishes, one after the other where any does."""
    for wish in wishes if len(found) > 1 else ():
        found = [run for run in found if wish(run)] or found
    return found


def _only(found: Sequence[Run], name: Path | str) -> Run:
    if len(found) == 1:
        return found[0]
    raise JournalError(f"{name}: {len(found)} runs; name one of them:{_listed(found)}")


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
