"""Plain settings to checked objects: every mapping with a ``_target_`` becomes what it names.

Frozen dataclasses are not checked by Python; this is where a wrong key or type in a YAML file
or on the command line is found, before anything is loaded.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from harness.errors import HarnessError, RequestError


def build(settings: Mapping[str, Any], where: str) -> Any:
    """The object that ``settings["_target_"]`` names, made from the other settings.

    ``where`` is the settings' place in the request ("task", "backend"), for error messages.
    Raises RequestError for an unknown key, a missing one, or a value of the wrong type.
    """
    given = {key: _value(value, f"{where}.{key}") for key, value in settings.items()}
    target = given.pop("_target_", None)
    if not isinstance(target, str):
        raise RequestError(f"{where}: has no _target_: name the class, e.g. tasks.mine.Mine")
    maker = _locate(target, where)
    if dataclasses.is_dataclass(maker):
        _check(maker, given, where)
    try:
        return maker(**given)
    except HarnessError:
        raise
    except (TypeError, ValueError) as error:
        raise RequestError(f"{where}: {target} does not take these settings: {error}") from error


def nearest(name: str, known: Iterable[str]) -> str:
    """``; nearest: a, b`` – or all the names when none is near and they are few."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if close:
        return f"; nearest: {', '.join(close)}"
    return f"; there are: {', '.join(names)}" if len(names) <= 30 else ""


def fits(value: Any, hint: Any) -> bool:
    """Whether a plain value is of the type a dataclass field is annotated with."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any or isinstance(hint, typing.TypeVar | str):
        return True
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, arg) for arg in args)
    if origin is typing.Literal:
        return value in args
    if origin is tuple:
        return isinstance(value, tuple) and (
            all(fits(item, args[0]) for item in value)
            if args[-1] is Ellipsis
            else len(value) == len(args) and all(map(fits, value, args))
        )
    if origin is not None:
        return isinstance(value, origin)
    if hint is float:
        return isinstance(value, float | int) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if hint is None:
        return value is None
    return not isinstance(hint, type) or _is_protocol(hint) or isinstance(value, hint)


def _check(maker: Any, given: Mapping[str, Any], where: str) -> None:
    fields = {field.name: field for field in dataclasses.fields(maker) if field.init}
    hints = typing.get_type_hints(maker)
    for key, value in given.items():
        if key not in fields:
            raise RequestError(f"{where}.{key}: no such setting{nearest(key, fields)}")
        if not fits(value, hints[key]):
            raise RequestError(f"{where}.{key}={value!r}: write {_spell(hints[key])}")
    for key, field in fields.items():
        required = (
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        )
        if required and key not in given:
            raise RequestError(f"{where}.{key}: missing; write {_spell(hints[key])}")


def _value(value: Any, where: str) -> Any:
    if isinstance(value, Mapping):
        if "_target_" in value:
            return build(value, where)
        return {key: _value(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list):
        return tuple(_value(item, where) for item in value)
    return value


def _locate(target: str, where: str) -> Any:
    module, _, name = target.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise RequestError(f"{where}._target_={target}: {error}") from error


def _is_protocol(hint: type) -> bool:
    return bool(getattr(hint, "_is_protocol", False))


def _spell(hint: Any) -> str:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return " | ".join(map(str, args))
    if origin in (typing.Union, types.UnionType):
        return " | ".join(_spell(arg) for arg in args)
    if hint is type(None):
        return "null"
    names = {int: "a whole number", float: "a number", str: "a text", bool: "true | false"}
    return names.get(hint) or (
        "a list" if origin is tuple else str(getattr(hint, "__name__", hint))
    )
