"""What tasks, prompt writers and metrics give back, looked at where it comes in.

Python checks no types: a question whose text is None would be found far from the code that made it,
as an error of somebody else's. Each function returns what it was given, or raises RequestError.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from harness import stats
from harness.errors import RequestError
from harness.names import brief
from harness.types import Clip, Estimate, Naming, Prompt, Question, Turn

_Check = Callable[[Any], bool]
_Fields = Mapping[str, tuple[_Check, str]]
_T = TypeVar("_T")

NO_SCALES: Mapping[str, tuple[float | None, float | None]] = {}


def clip_of(given: object, task: object) -> Clip:
    """What ``task.clip`` gave."""
    return _checked(given, Clip, _CLIP, task, "clip")


def question_of(given: object, task: object) -> Question:
    """What ``task.question`` gave."""
    return _checked(given, Question, _QUESTION, task, "question")


def prompt_of(given: object, question: Question, task: object) -> Prompt:
    """What ``task.write`` gave for a question."""
    prompt = _checked(given, Prompt, _PROMPT, task, "write")
    if prompt.key != question.key:
        _refuse(task, "write", f"a prompt of question {prompt.key!r} for {question.key!r}")
    return prompt


def chance_of(
    given: object,
    scorer: object,
    scales: Mapping[str, tuple[float | None, float | None]] = NO_SCALES,
) -> Mapping[str, float] | None:
    """What ``scorer.chance`` gave; a value is within the ends of its scale, where it has one."""
    if given is None:
        return None
    if not isinstance(given, Mapping) or not all(map(_finite, given.values())):
        _refuse(
            scorer, "chance", f"{brief(given)}: a mapping of numbers by name, or None, is needed"
        )
    for name, (low, high) in scales.items():
        if name in given and (end := stats.beyond(given[name], low, high)) is not None:
            _refuse(scorer, "chance", f"{given[name]:g} as {name}, whose scale ends at {end:g}")
    return given


def value_names_of(scorer: object) -> tuple[str, ...] | None:
    """The values that a scorer says it may give; None where it does not say, or where its ``score``
    is another class's than what it says: a subclass may give more."""
    if not isinstance(scorer, Naming) or (names := scorer.value_names) is None:
        return None
    if isinstance(names, str) or not isinstance(names, Collection) or not _several(str)([*names]):
        _refuse(scorer, "value_names", f"{brief(names)}: a tuple of texts, or None, is needed")
    where = {
        name: cls
        for cls in reversed(type(scorer).__mro__)
        for name in ("value_names", "score", "score_judged")
        if name in vars(cls)
    }
    said_by = where.pop("value_names", type(scorer))
    return tuple(names) if all(issubclass(said_by, cls) for cls in where.values()) else None


def estimate_of(given: object, metric: object) -> Estimate:
    """What ``metric.estimate`` gave, with Python's numbers for NumPy's."""
    found = _checked(given, Estimate, _ESTIMATE, metric, "estimate")
    low, high = found.ci95
    return replace(
        found,
        value=float(found.value),
        ci95=(float(low), float(high)),
        n=int(found.n),
        clusters=int(found.clusters),
    )


def _checked(given: object, cls: type[_T], fields: _Fields, maker: object, method: str) -> _T:
    if not isinstance(given, cls):
        _refuse(maker, method, f"{type(given).__name__} where {cls.__name__} is needed")
    for name, (right, words) in fields.items():
        value = getattr(given, name)
        if not right(value):
            shown = f"{cls.__name__} with {name}={brief(value, 80)}"
            _refuse(maker, method, f"{shown}: {words} is needed")
    return given


def _refuse(maker: object, method: str, what: str) -> NoReturn:
    cls = type(maker)
    raise RequestError(f"a bug in {cls.__module__}.{cls.__qualname__}: {method}() gave {what}")


def _is(*kinds: type) -> _Check:
    return lambda value: isinstance(value, kinds)


def _finite(value: Any) -> bool:
    return isinstance(value, Real) and math.isfinite(value)


def _several(kind: type) -> _Check:
    return lambda value: (
        isinstance(value, tuple | list) and all(isinstance(item, kind) for item in value)
    )


def _pair(value: Any) -> bool:
    return _several(Real)(value) and len(value) == 2


def _groups(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(name, str) and _several(str)(values) for name, values in value.items()
    )


_OPTIONAL_PATH = (_is(Path, type(None)), "a Path, or None,")
_OPTIONAL_NUMBER = (_is(Real, type(None)), "a number, or None,")
_PATHS = (_several(Path), "a tuple of Paths")
_CLIP: _Fields = {
    "id": (_is(str), "a text"),
    "video": _OPTIONAL_PATH,
    "segment": (lambda v: v is None or _pair(v), "a pair of numbers, or None,"),
    "subtitles": _OPTIONAL_PATH,
    "fps": _OPTIONAL_NUMBER,
    "subtitle_offset": (_is(Real), "a number"),
    "duration": _OPTIONAL_NUMBER,
}
_QUESTION: _Fields = {
    "id": (_is(str), "a text"),
    "text": (_is(str), "a text"),
    "options": (_several(str), "a tuple of texts"),
    "groups": (_groups, "a mapping of names to tuples of texts"),
    "metadata": (_is(Mapping), "a mapping"),
    "images": _PATHS,
    "option_images": _PATHS,
    "rotation": (_is(int), "a whole number"),
    "repeat": (_is(int), "a whole number"),
}
_PROMPT: _Fields = {
    "question": (_is(Question), "a Question"),
    "turns": (_several(Turn), "a tuple of Turns"),
    "subtitles": (_is(int, type(None)), "a whole number, or None,"),
}
_ESTIMATE: _Fields = {
    "value": (_is(Real), "a number"),
    "ci95": (_pair, "a pair of numbers (NaN where nothing is known)"),
    "n": (_is(Real), "a number"),
    "clusters": (_is(Real), "a number"),
}
