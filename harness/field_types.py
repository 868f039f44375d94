"""Whether a value is what its field's type says, and types in words."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import AfterValidator, Strict, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation

from harness.errors import RequestError


def fit(value: Any, hint: Any, where: str) -> Any:
    """The value as its field's type has it. Raises RequestError that names the innermost place."""
    try:
        adapter = _adapter(hint)
    except TypeError:  # an unhashable annotation: typing.Annotated with a list, say
        adapter = _adapter.__wrapped__(hint)
    if adapter is None:
        return value
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        details = error.errors(include_url=False)
        deepest = max(details, key=lambda detail: len(_path(detail["loc"])))
        path = _path(deepest["loc"])
        inner = ".".join([where, *map(str, path)])
        if not path:
            raise RequestError(f"{inner}={_shown(value)}: write {spell(hint)}") from error
        reason = spell(_inner(hint, len(path)))
        raise RequestError(f"{inner}={_shown(deepest['input'])}: write {reason}") from error


def _path(loc: tuple[int | str, ...]) -> list[int | str]:
    """An error's place without pydantic's names for the members of a union."""
    return [part for part in loc if isinstance(part, int) or not _is_type_name(part)]


def _is_type_name(part: str) -> bool:
    names = {"str", "int", "float", "bool", "none", "[key]"}
    return part in names or "[" in part or "(" in part or part.endswith("Path")


def _inner(hint: Any, depth: int) -> Any:
    """The type of what lies ``depth`` levels inside a container type."""
    for _ in range(depth):
        origin, args = typing.get_origin(hint), typing.get_args(hint)
        if origin in (typing.Union, types.UnionType):
            args = next((typing.get_args(a) for a in args if typing.get_origin(a)), ())
        rest = [arg for arg in args if arg is not Ellipsis]
        if not rest:
            return Any
        hint = rest[-1]
    return hint


@lru_cache(maxsize=512)
def _adapter(hint: Any) -> TypeAdapter[Any] | None:
    """pydantic's checker of a type; None where a type cannot be checked at run time."""
    try:
        return TypeAdapter(_checkable(hint))
    except (PydanticSchemaGenerationError, PydanticUndefinedAnnotation):
        return None


def _checkable(hint: Any) -> Any:
    """A field's type as pydantic is to check it: numbers, texts and booleans are not converted into
    each other, objects are taken as built, and what a protocol promises is not asked."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint in (int, float, str, bool):
        return typing.Annotated[hint, Strict()]
    if isinstance(hint, typing.TypeVar | typing.ForwardRef | str):
        return Any
    if getattr(hint, "_is_protocol", False):
        return typing.Annotated[Any, AfterValidator(_Meets(hint))]
    if origin in (typing.Union, types.UnionType):
        return typing.Union[tuple(map(_checkable, args))]  # noqa: UP007  # made at run time
    if origin is typing.Annotated:
        return hint
    if origin in (tuple, list, set, frozenset) and args:
        return origin[tuple(arg if arg is Ellipsis else _checkable(arg) for arg in args)]
    if isinstance(origin, type) and issubclass(origin, Mapping) and len(args) == 2:
        return dict[_checkable(args[0]), _checkable(args[1])]  # type: ignore[misc]
    if origin is not None and isinstance(origin, type) and len(args) == 1:  # Sequence, Iterable
        return tuple[_checkable(args[0]), ...]  # type: ignore[misc]
    if isinstance(hint, type) and (dataclasses.is_dataclass(hint) or hint.__module__ != "builtins"):
        # not InstanceOf: pydantic then reads the class's own fields, and JSON never ends
        return hint if issubclass(hint, Path) else typing.Annotated[Any, AfterValidator(_Is(hint))]
    return hint


@dataclasses.dataclass(frozen=True)
class _Is:
    """Whether a value is an instance of a class."""

    cls: type

    def __call__(self, value: Any) -> Any:
        if not isinstance(value, self.cls):
            raise ValueError  # noqa: TRY004 - what pydantic turns into its own error
        return value


@dataclasses.dataclass(frozen=True)
class _Meets:
    """Whether a value is an object with a protocol's members, as far as Python can tell."""

    protocol: Any

    def __call__(self, value: Any) -> Any:
        plain = value is None or isinstance(value, bool | int | float | str | tuple | list | dict)
        told = getattr(self.protocol, "_is_runtime_protocol", False)
        if plain or (told and not isinstance(value, self.protocol)):
            raise ValueError
        return value


def spell(hint: Any) -> str:
    """A type in words: "a whole number | null"."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return spell(args[0])
    if origin is typing.Literal:
        return " | ".join(map(str, args))
    if origin in (typing.Union, types.UnionType):
        return " | ".join(dict.fromkeys(map(spell, args)))
    if hint is type(None) or hint is None:
        return "null"
    names = {int: "a whole number", float: "a number", str: "a text", bool: "true | false"}
    if hint in names:
        return names[hint]
    if origin in (tuple, list):
        inner = " and ".join(dict.fromkeys(spell(arg) for arg in args if arg is not Ellipsis))
        return f"a list of {inner.removeprefix('a ')}" if "|" not in inner else "a list"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "a mapping"
    if isinstance(hint, type) and issubclass(hint, Path):
        return "a path"
    name = str(getattr(hint, "__qualname__", hint))
    return f"a {name} (a mapping with its _target_)" if isinstance(hint, type) else name


def _shown(value: Any) -> str:
    """A value as YAML has it, in few characters."""
    plain = {None: "null", True: "true", False: "false"}
    text = plain[value] if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
