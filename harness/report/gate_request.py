"""Whether a run was asked what its baseline was."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from harness.report.baseline import Side, changed_targets
from harness.report.gate_rules import Check
from harness.run import journal
from harness.types import Generation
from harness.video.sampling import Sampling

_MOST = 8
"""How many differences a verdict names."""


def request_check(baseline: Side, run: Side, ignore: Sequence[str]) -> Check:
    """The check "request unchanged": every difference in what was asked, by its dotted name."""
    theirs, ours = (compared(side.identity, ignore) for side in (baseline, run))
    changed = _told(theirs, ours)
    if targets := changed_targets(baseline, run):
        more = listed(targets, f"{len(targets)} right answers are others: ")
        changed = f"{changed}; {more}" if changed else more
    hidden = _told(_completed(baseline.identity), _completed(run.identity))
    detail = changed or "asked exactly alike"
    if ignore and hidden and not changed:
        detail = f"asked alike but for what --ignore passes over ({hidden})"
    elif ignore:
        detail += f" (--ignore {', '.join(ignore)})"
    return Check("request unchanged", not changed, detail)


def _told(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> str:
    return journal.difference(theirs, ours, ("baseline", "run"), _MOST)


def compared(identity: Mapping[str, Any], ignore: Sequence[str]) -> dict[str, Any]:
    """What of an identity has to agree: all but the fields of ``ignore``, by dotted name (as the
    command line has it, or as the run keeps it)."""
    return _without(_completed(identity), ignore)


def _completed(identity: Mapping[str, Any]) -> dict[str, Any]:
    """An identity with the settings that there were not yet when it was kept, as they are by
    default: a setting that is new changes no baseline."""
    kept: dict[str, Any] = json.loads(json.dumps(dict(identity)))
    usual = {"sampling": asdict(Sampling()), "generation": asdict(Generation())}
    for name, fields in json.loads(json.dumps(usual)).items():
        if isinstance(kept.get(name), dict):
            kept[name] = fields | kept[name]
    return {"repeats": 1, "judge": None} | kept


def _without(identity: dict[str, Any], ignore: Sequence[str]) -> dict[str, Any]:
    kept = dict(identity)
    for name in (each for given in ignore for each in _kept_as(given)):
        *path, last = name.split(".")
        inner: Any = kept
        for key in path:
            inner = inner.get(key) if isinstance(inner, dict) else None
        if isinstance(inner, dict):
            inner.pop(last, None)
    return kept


def _kept_as(name: str) -> Sequence[str]:
    """A setting's name, and the one that a run keeps it by."""
    top, dot, rest = name.partition(".")
    other = {"task": "protocol", "model": "backend"}.get(top)
    return (name, f"{other}.{rest}") if other and dot else (name,)


def listed(keys: Sequence[str], before: str) -> str:
    """The first of these keys behind ``before``; empty for none."""
    if not keys:
        return ""
    more = f" and {len(keys) - 5} more" if len(keys) > 5 else ""
    return before + ", ".join(keys[:5]) + more
