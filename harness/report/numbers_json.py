"""Numbers and estimates as JSON, which has no NaN, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from harness.types import Estimate


def clean(value: Any) -> Any:
    """The same value for JSON: NaN becomes null."""
    if isinstance(value, Mapping):
        return {str(key): clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def estimate_json(found: Estimate) -> dict[str, Any]:
    """What is not known is null."""
    low, high = map(_number, found.ci95)
    interval = None if low is None or high is None else [low, high]
    value = _number(found.value)
    return {"value": value, "ci95": interval, "n": found.n, "clusters": found.clusters}


def estimate_from(found: Mapping[str, Any]) -> Estimate:
    """The inverse of ``estimate_json``. Raises KeyError, TypeError and ValueError."""
    value = optional(found["value"])
    unknown = (math.nan, math.nan)
    return Estimate(
        math.nan if value is None else value,
        pair(found.get("ci95")) or unknown,
        int(found["n"]),
        int(found.get("clusters", 0)),
    )


def pair(value: Any) -> tuple[float, float] | None:
    """Two numbers; None from null."""
    if value is None:
        return None
    low, high = value
    return float(low), float(high)


def optional(value: Any) -> float | None:
    """A number; None from null."""
    return None if value is None else float(value)
