"""Which runs may stand in one ranking, and in what those that do still differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.names import written
from harness.report.runs import Run

SETTINGS = ("model", "backend", "frames", "sampling", "generation", "decoding", "video")
"""Parts of a request in which the runs of one ranking may differ: which model, and how it is shown
the videos and asked for its answer. All else decides what the number means, so runs that differ in
it are ranked apart: task, protocol, data, limit, control, rotations, repeats, judge, and whatever
a later version adds."""

_SHOWN = ("model", "frames", "sampling.frames")
"""Differences that have a column of their own."""


def asked(run: Run) -> dict[str, Any]:
    """What must agree for two scores to be comparable; a list of breakdowns decides no number."""
    kept = {key: value for key, value in run.identity.items() if key not in SETTINGS}
    protocol = kept.get("protocol")
    if isinstance(protocol, Mapping):
        kept["protocol"] = {k: v for k, v in protocol.items() if k != "breakdowns"}
    return kept


def settings(run: Run) -> dict[str, Any]:
    """The rest, by dotted name: {"frames": 8, "backend.dtype": "float32", …}."""
    kept = {key: run.identity[key] for key in SETTINGS if key in run.identity}
    return dict(_flat(kept))


def differences(runs: Sequence[Run]) -> dict[str, str]:
    """By run id, what tells each run of a ranking from the others beside its model and frames.

    A model's own fields are named where runs of this one model differ in them (two models always
    do); what a video is sampled with and how answers are generated, where any two runs do. Empty
    where there is nothing to tell.
    """
    every = {run.id: settings(run) for run in runs}
    names = sorted({name for found in every.values() for name in found} - {*_SHOWN})
    models: dict[str, list[Mapping[str, Any]]] = {}
    for run in runs:
        models.setdefault(run.model, []).append(every[run.id])
    anywhere = _differing(names, list(every.values()))
    within = {model: _differing(names, same) for model, same in models.items()}

    def told(run: Run) -> Iterator[str]:
        for name, value in sorted(every[run.id].items()):
            if name in (within[run.model] if name.startswith("backend.") else anywhere):
                yield f"{written(name)}={_said(value)}"

    return {run.id: ", ".join(told(run)) for run in runs}


def apart(runs: Sequence[Run], most: int) -> list[str]:
    """Of the first ``most`` of the runs, the settings that are not the same in all, in short:
    ``generation.seed=3``.

    Those that only some of them have, as of another version or class, are none, unless there are no
    others.
    """
    every = [dict(_flat(run.identity)) for run in runs]
    names = dict.fromkeys(name for own in every[:most] for name in own if name not in _SHOWN)
    differing = _differing(list(names), every)
    shared = {name for name in differing if all(name in found for found in every)} or differing
    return [
        ", ".join(f"{written(name)}={_said(own[name])}" for name in own if name in shared)
        for own in every[:most]
    ]


def _differing(names: Sequence[str], among: Sequence[Mapping[str, Any]]) -> set[str]:
    """The settings that are not the same in all of these."""
    return {name for name in names if len({repr(found.get(name)) for found in among}) > 1}


def same_but(run: Run, other: Run, **changed: Any) -> bool:
    """Whether ``other`` was asked what ``run`` was, but for these fields of its request."""
    return other.identity == run.identity | changed


def _flat(value: Mapping[Any, Any], before: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, item in value.items():
        name = f"{before}{key}"
        if isinstance(item, list) and item and all(isinstance(each, Mapping) for each in item):
            item = dict(enumerate(item))
        if isinstance(item, Mapping) and item:
            found += _flat(item, f"{name}.")
        else:
            found.append((name, item))
    return found


def _said(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    text = str(value)
    return text if len(text) <= 40 else text[:12] + "…"
