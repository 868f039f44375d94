"""Settings beyond what has a meaning, refused before anything is built of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from harness.errors import RequestError
from harness.field_types import fit

_LEAST = {
    **dict.fromkeys(("frames", "limit", "permute_options", "repeats", "workers"), 1),
    "task.max_new_tokens": 1,
    "generation.max_new_tokens": 1,
    "generation.temperature": 0,
    "generation.top_p": 1e-6,
    "generation.top_k": 0,
    "generation.min_p": 0,
    "generation.repetition_penalty": 1e-6,
    "generation.beams": 1,
    "video.timeout": 0.001,
    "video.workers": 0,
    "video.in_flight": 1,
    "video.store_gb": 0.001,
}
_MOST = {"frames": 1_000_000, "generation.top_p": 1, "generation.min_p": 1}


def refuse_beyond(settings: Mapping[str, Any]) -> None:
    """Numbers beyond what has a meaning; other types are checked elsewhere, but that of ``frames``
    would be found wrong under the name of whatever refers to it first."""
    fit(settings.get("frames"), int, "frames")
    fit(settings.get("plan"), bool, "plan")
    if str(settings.get("results")).strip() == "":
        raise RequestError("results=: name a folder")
    _refuse_infinite(settings, "")
    flat = dict(settings)
    for group in ("task", "video", "generation"):
        flat |= {f"{group}.{key}": value for key, value in (settings.get(group) or {}).items()}
    for key, value in flat.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            if value < (least := _LEAST.get(key, value)):
                raise RequestError(f"{key}={value}: write {least} or more")
            if value > (most := _MOST.get(key, value)):
                raise RequestError(f"{key}={value}: write {most} or less")


def _refuse_infinite(value: Any, where: str) -> None:
    """No setting is NaN or without end, and JSON could hold none of the kind."""
    if isinstance(value, float) and not math.isfinite(value):
        raise RequestError(f"{where}={value}: write a finite number")
    if isinstance(value, Mapping | list | tuple):
        parts = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, part in parts:
            _refuse_infinite(part, f"{where}.{key}" if where else str(key))
