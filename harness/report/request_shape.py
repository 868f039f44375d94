"""Whether request.json has the shape in which this harness writes it: one changed by hand, or by
another program, is found out where it is read, and not wherever its values are used."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from harness.errors import JournalError

OBJECTS = (
    "protocol", "settings", "environment", "backend", "sampling", "generation", "video", "data",
    "judge", "settings.task", "settings.backend", "settings.model", "protocol.scorer",
)  # fmt: skip
NUMBERS = ("frames", "questions", "permute_options", "repeats", "limit")


def check_shape(path: Path, request: Mapping[str, Any]) -> None:
    """Raises JournalError for a value of another kind than it can be; null and missing may be."""
    for key in OBJECTS:
        _check(path, key, _at(request, key), isinstance(_at(request, key), Mapping))
    for key in NUMBERS:
        value = request.get(key)
        _check(path, key, value, isinstance(value, int) and not isinstance(value, bool))
    started = _at(request, "environment.started")
    _check(path, "environment.started", started, _is_time(started))
    protocol = request.get("protocol") or {}
    for key in ("metrics", "breakdowns"):
        _check(path, f"protocol.{key}", protocol.get(key), isinstance(protocol.get(key), list))
    for metric in protocol.get("metrics") or ():
        _check(path, "protocol.metrics", metric, isinstance(metric, Mapping))


def _at(request: Mapping[str, Any], key: str) -> Any:
    value: Any = request
    for name in key.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _is_time(value: object) -> bool:
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        return False
    return True


def _check(path: Path, key: str, value: object, good: bool) -> None:
    if value is not None and not good:
        raise JournalError(f"{path}: {key} is {value!r:.80}, which this harness never writes")
