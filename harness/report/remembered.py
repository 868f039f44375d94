"""What a leaderboard needs of a run beside its summary, kept in the run's folder: it is written at
every run's end, and must not read the records of all runs each time."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from harness.errors import JournalError
from harness.metrics import Summing, Unit
from harness.report.runs import Run
from harness.run.journal import read_json, write_atomically
from harness.types import Estimate

RULE = 1
"""To be raised with any change in how such an estimate, or what a headline averages, is made: kept
ones are then made again."""

FILE = ".estimates.json"
UNITS = ".units.json"

Units = Mapping[Hashable, Unit]


def remembered(
    name: str, runs: Sequence[Run], make: Callable[[], Estimate | None]
) -> Estimate | None:
    """What ``make`` returns for these runs, from the first run's folder while no summary.json has
    been written since. A folder that cannot be written to only costs the time."""
    path = runs[0].folder / FILE
    try:
        of = [RULE, *(_stamp(run) for run in runs)]
    except OSError:  # no summary.json: nothing to know a change by
        return make()
    kept = _read(runs[0])
    if name in kept and kept[name].get("of") == of:
        return _estimate(kept[name]["estimate"])
    found = make()
    try:
        kept[name] = {"of": of, "estimate": None if found is None else _plain(found)}
        write_atomically(path, json.dumps(kept) + "\n")
    except JournalError:
        pass
    return found


def units(run: Run) -> Units | None:
    """What the run's headline averages: as kept since its summary.json was written, or else from
    its records; None where it is no mean of units."""
    headline = run.metrics[0]
    if not isinstance(headline, Summing):
        return None
    try:
        kept, of = read_json(run.folder / UNITS), [RULE, _stamp(run)]
        if kept["of"] == of:
            return dict(map(_unit, kept["units"]))
    except (JournalError, OSError, KeyError, TypeError, ValueError):
        pass  # never kept, or damaged
    held = "records" in vars(run)
    found = keep_units(run) or headline.units(run.records)
    if not held:  # of hundreds of runs they would fill the memory
        vars(run).pop("records", None)
    return found


def keep_units(run: Run) -> Units | None:
    """Keeps what the run's headline averages beside its summary.json, and returns it; None where
    it is no mean of units. A folder that cannot be written to only costs the time."""
    headline = run.metrics[0]
    if not isinstance(headline, Summing):
        return None
    of = _known_stamp(run)  # before the records are read: another process may write them meanwhile
    found = headline.units(run.records)
    try:
        lines = ",\n".join(
            json.dumps(_line(key, unit), allow_nan=False) for key, unit in found.items()
        )
        text = f'{{"of": {json.dumps(of)}, "units": [\n{lines}\n]}}\n'
        # a key of one's own may be no JSON
        if of and dict(map(_unit, json.loads(text)["units"])) == found:
            write_atomically(run.folder / UNITS, text)
    except (JournalError, OSError, TypeError, ValueError):
        pass
    return found


def _line(key: Hashable, unit: Unit) -> list[Any]:
    return [key, unit.value, unit.video, *([unit.leaves] if unit.leaves != ((),) else [])]


def _unit(line: Sequence[Any]) -> tuple[Hashable, Unit]:
    key, value, video, *leaves = line
    return _tuples(key), Unit(value, video, *map(_tuples, leaves))


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _stamp(run: Run) -> list[Any]:
    found = (run.folder / "summary.json").stat()
    return [run.id, found.st_mtime_ns, found.st_size]


def _known_stamp(run: Run) -> list[Any] | None:
    """What its records are known by; None without a summary.json."""
    try:
        return [RULE, _stamp(run)]
    except OSError:
        return None


def _read(run: Run) -> dict[str, Any]:
    try:
        kept = read_json(run.folder / FILE)
        return {name: found for name, found in kept.items() if isinstance(found, dict)}
    except JournalError:
        return {}


def _plain(found: Estimate) -> list[float | None]:
    values = (found.value, *found.ci95, found.n, found.clusters)
    return [value if math.isfinite(value) else None for value in values]


def _estimate(plain: Sequence[float | None] | None) -> Estimate | None:
    if plain is None:
        return None
    value, low, high = (math.nan if given is None else given for given in plain[:3])
    return Estimate(value, (low, high), int(plain[3] or 0), int(plain[4] or 0))
