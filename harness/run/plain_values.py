"""Which values a record can hold: JSON, and what is certain to be the same value in JSON."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import DataError
from harness.names import brief
from harness.types import Clip, Question

_JSON = (str, bool, int, float, type(None))


def plain(value: Any) -> Any:
    """A value that JSON does not know as one that it does: a dataclass as its fields, a path as
    text, a number of NumPy's as Python's. Raises TypeError for any other: as text it would come
    back as another value."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, np.generic) and isinstance(found := value.item(), _JSON):
        return found
    raise TypeError(f"{brief(value)} is a {type(value).__name__}")


def odd(value: Any, where: str = "") -> str:
    """The first place in a value that no record can hold, and what stands there: ``metadata.scene
    (…) is a Scene``; empty where there is none."""
    kind = type(value)
    if kind is float:
        return "" if math.isfinite(value) else f"{where} is {value}, and no number of JSON's"
    if kind in _JSON:
        return ""
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                return f"{where} has the key {brief(key)}, which is no text"
    if isinstance(value, Mapping | list | tuple):
        return next(filter(None, (odd(part, place) for place, part in _parts(value, where))), "")
    if isinstance(value, _JSON):
        return odd(float(value), where) if isinstance(value, float) else ""
    try:
        return odd(plain(value), where)
    except TypeError:
        return f"{where} ({brief(value)}) is a {kind.__name__}"


def pure(value: Any) -> Any:
    """A value with Python's numbers for NumPy's and a dataclass's fields for it, lists still lists;
    the very same one where it holds none. Raises TypeError for what no record can hold."""
    if isinstance(value, np.generic):
        return value.item()
    if not isinstance(value, Mapping | list | tuple):
        return value if isinstance(value, _JSON) else pure(plain(value))
    parts = list(value.values() if isinstance(value, Mapping) else value)
    made = [pure(part) for part in parts]
    if all(one is other for one, other in zip(made, parts, strict=True)):
        return value
    if isinstance(value, Mapping):
        return dict(zip(value, made, strict=True))
    return made if isinstance(value, list) else tuple(made)


def kept_as_asked(clips: Sequence[Clip]) -> list[Clip]:
    """The clips, with what their records will hold. Raises DataError, before anything is asked, for
    a question of which no record could be kept."""
    return [
        dataclasses.replace(clip, questions=tuple(map(_kept, clip.questions))) for clip in clips
    ]


def _kept(question: Question) -> Question:
    kept = {"target": question.target, "groups": question.groups, "metadata": question.metadata}
    if found := odd(kept):
        raise DataError(
            f"question {question.id}: {found}: a record keeps text, finite numbers, true, "
            "false, null, and lists and mappings of these; have the task make it one"
        )
    made = pure(kept)
    return question if made is kept else dataclasses.replace(question, **made)


def _parts(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    items = value.items() if isinstance(value, Mapping) else enumerate(value)
    for key, part in items:
        yield (f"{where}.{key}" if where else str(key)), part
