"""What an object is, as plain JSON: every field that decides the answers, defaults included.

``describe`` and ``harness.build.build`` are each other's inverse: what a run folder keeps of its
task can be built again, to score or to report on the run without the configuration it came from.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ASIDE = {"identity": False}
"""Metadata of a dataclass field that does not decide the answers: ``field(metadata=ASIDE)``."""


def describe(value: Any) -> Any:
    """A value as JSON: a dataclass as ``{"_target_": its class, field: …}`` with every field but
    those marked ``ASIDE``. Raises TypeError for what has no plain form."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        cls = type(value)
        kept = (f for f in dataclasses.fields(value) if f.metadata.get("identity", True))
        return {
            "_target_": f"{cls.__module__}.{cls.__qualname__}",
            **{field.name: describe(getattr(value, field.name)) for field in kept},
        }
    if isinstance(value, Mapping):
        return {str(key): describe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [describe(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(
        f"{type(value).__qualname__} has no plain form: make it a frozen dataclass, so that a run "
        "can say what it was"
    )


def digest(value: Any, length: int = 12) -> str:
    """So many hexadecimal digits of the SHA-256 of a JSON value's canonical text."""
    canonical = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:length]
