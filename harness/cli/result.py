"""What one run came to, in one line: ``tiny_video on demo, 8 frames: 91.4 [87.3, 94.6], …``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.names import several

COUNTED = ("failed", "truncated", "unparsed", "unscored")


def result_line(summary: Mapping[str, Any], place: str = "") -> str:
    """A summary.json in one line; ``place`` is its place in a sweep, "run 3 of 8"."""
    frames = summary.get("frames")
    shown = f", {several(frames, 'frame')}" if frames is not None else ""
    metric = (summary.get("metrics") or {}).get(summary.get("headline") or "", {})
    parts = [measured(metric), several(summary.get("n") or 0, "question")]
    parts += [f"{summary[key]} {key}" for key in COUNTED if summary.get(key)]
    if not summary.get("complete", True):
        parts.append("incomplete")
    parts += [place] if place else []
    return f"{summary['model']} on {summary['task']}{shown}: {', '.join(parts)}"


def measured(metric: Mapping[str, Any]) -> str:
    """``91.4 [87.3, 94.6]``, ``91.4 [?, ?]``: a metric of a summary with its interval; "no score"
    without a value."""
    value, unit = metric.get("value"), metric.get("unit")
    if value is None:
        return "no score"
    low, high = metric.get("ci95") or (None, None)
    return f"{_number(value, unit)} [{_number(low, unit)}, {_number(high, unit)}]"


def sweep_size(words: Sequence[str]) -> int | None:
    """How many runs a sweep over these KEY=VALUE words makes; None where only Hydra can tell."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    size = 1
    for word in words:
        override = OverridesParser.create().parse_override(word)
        if override.is_sweep_override():
            try:
                size *= sum(1 for _ in override.sweep_iterator())
            except HydraException:  # glob(*): Hydra looks up what there is
                return None
    return size


def _number(value: float | None, unit: object) -> str:
    if value is None:
        return "?"
    return f"{100 * value:.1f}" if unit == "%" else f"{value:.3g}"
