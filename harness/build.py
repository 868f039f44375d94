"""Plain settings to checked objects: every mapping with a ``_target_`` becomes what it names.

Frozen dataclasses are not checked by Python; this is where a wrong key or type in a YAML file
or on the command line is found, before anything is loaded. ``harness.identity.describe`` is the
inverse: what it writes into request.json is built again by ``build``.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import typing
from collections.abc import Callable, Mapping
from typing import Any

from harness.errors import RequestError
from harness.field_types import fit, spell
from harness.names import suggest
from harness.targets import locate


def build(settings: Mapping[str, Any], where: str) -> Any:
    """The object that ``settings["_target_"]`` names, made from the other settings.

    ``where`` is the settings' place in the request ("task", "backend"), for error messages.
    A nested mapping without a ``_target_`` changes the default that the field has: every field of
    an object can be set by its dotted name, whether or not a YAML file names it.
    Raises RequestError for an unknown key, a missing one, or a value of the wrong type.
    """
    target = settings.get("_target_")
    if not isinstance(target, str):
        raise RequestError(f"{where}: has no _target_: name the class, e.g. tasks.mine.Mine")
    return build_as(locate(target, where), settings, where)


def build_as(maker: Callable[..., Any], settings: Mapping[str, Any], where: str) -> Any:
    """As ``build``, for the class ``maker`` whatever ``_target_`` says."""
    given = {str(key): value for key, value in settings.items() if key != "_target_"}
    if dataclasses.is_dataclass(maker) and isinstance(maker, type):
        values = _checked(maker, given, where)
    else:
        values = {key: _value(value, f"{where}.{key}") for key, value in given.items()}
        try:
            inspect.signature(maker).bind(**values)
        except TypeError as error:
            raise RequestError(f"{where}: {_name(maker)} {error}") from error
    try:
        return maker(**values)
    except ValueError as error:  # how a class refuses a value; a TypeError is a bug in it
        raise RequestError(f"{where}: {error}") from error
    except RequestError as error:
        named = re.match(r"\w+", str(error))
        if named and named[0] in given:  # a class does not know its own place
            raise RequestError(f"{where}.{error}") from error
        raise


def dataclass_of(value: Any) -> type | None:
    """The dataclass that a setting names or is an instance of; None: neither."""
    if isinstance(value, Mapping) and isinstance(value.get("_target_"), str):
        try:
            found = locate(value["_target_"], "")
        except RequestError:
            return None
        return found if isinstance(found, type) and dataclasses.is_dataclass(found) else None
    return type(value) if dataclasses.is_dataclass(value) else None


def check(cls: type, given: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """Finished values of some fields of a dataclass, checked. Raises RequestError."""
    hints = _hints(cls)
    prefix = f"{where}." if where else ""
    return {key: fit(value, hints[key], f"{prefix}{key}") for key, value in given.items()}


def _checked(cls: type, given: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The values for ``cls``, nested ones built, each of its field's type."""
    fields = {field.name: field for field in dataclasses.fields(cls)}
    for key in given:
        if key not in fields:
            hint = suggest(key, _paths(cls, given), where)
            raise RequestError(f"{where}.{key}: no such setting{hint}")
    hints = _hints(cls)
    values: dict[str, Any] = {}
    for key, field in fields.items():
        place = f"{where}.{key}"
        if not field.init:
            continue
        if key in given:
            values[key] = fit(_field(given[key], field, hints[key], place), hints[key], place)
        elif _default(field) is dataclasses.MISSING:
            raise RequestError(f"{place}: missing; write {spell(hints[key])}")
    return values


def _field(value: Any, field: dataclasses.Field[Any], hint: Any, where: str) -> Any:
    """One field's value; where the settings give only a part of it, the default gives the rest."""
    if isinstance(value, Mapping) and "_target_" not in value:
        default = _default(field)
        if dataclasses.is_dataclass(default) and not isinstance(default, type):
            return _changed(default, value, where)
        if isinstance(default, list | tuple) and all(str(key).isdecimal() for key in value):
            return _changed_items(default, value, where)
        if (cls := _dataclass_in(hint)) is not None:
            return build_as(cls, value, where)
    if isinstance(value, list | tuple) and (cls := _item_class(hint)) is not None:
        return tuple(
            build_as(cls, item, f"{where}.{place}")
            if isinstance(item, Mapping) and "_target_" not in item
            else _value(item, f"{where}.{place}")
            for place, item in enumerate(value)
        )
    return _value(value, where)


def _changed(default: Any, changes: Mapping[str, Any], where: str) -> Any:
    """A default object with some fields set otherwise."""
    kept = {
        field.name: getattr(default, field.name)
        for field in dataclasses.fields(default)
        if field.init
    }
    nested = {
        key: _changed(kept[key], value, f"{where}.{key}")
        if isinstance(value, Mapping)
        and "_target_" not in value
        and dataclasses.is_dataclass(kept.get(key))
        else value
        for key, value in changes.items()
    }
    return build_as(type(default), {**kept, **nested}, where)


def _changed_items(default: typing.Sequence[Any], changes: Mapping[Any, Any], where: str) -> Any:
    """A default list with some of its items changed: ``task.metrics.0.counted=answered``."""
    items = list(default)
    for key, value in changes.items():
        place, inner = int(key), f"{where}.{key}"
        if place >= len(items):
            raise RequestError(f"{inner}: there are {len(items)} by default, numbered from 0")
        partial = isinstance(value, Mapping) and "_target_" not in value
        items[place] = _changed(items[place], value, inner) if partial else _value(value, inner)
    return tuple(items)


def _value(value: Any, where: str) -> Any:
    if isinstance(value, Mapping):
        if "_target_" in value:
            return build(value, where)
        return {key: _value(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_value(item, f"{where}.{place}") for place, item in enumerate(value))
    return value


def _hints(cls: type) -> dict[str, Any]:
    """The fields' types; Any for all where one cannot be found out (imported for typing only)."""
    try:
        return typing.get_type_hints(cls, include_extras=True)
    except NameError:
        return {field.name: Any for field in dataclasses.fields(cls)}


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _dataclass_in(hint: Any) -> type | None:
    """The one dataclass among a type's alternatives."""
    several = typing.get_args(hint) if typing.get_origin(hint) else (hint,)
    found = [a for a in several if isinstance(a, type) and dataclasses.is_dataclass(a)]
    return found[0] if len(found) == 1 else None


def _item_class(hint: Any) -> type | None:
    return _dataclass_in(hint) if typing.get_origin(hint) in (tuple, list) else None


def _paths(cls: type, given: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Every dotted name that can be set in an object of this class, nested ones included."""
    found: list[str] = []
    for field in dataclasses.fields(cls):
        if not field.init:
            continue
        path = f"{prefix}{field.name}"
        found.append(path)
        value = given.get(field.name, _default(field))
        items = enumerate(value) if isinstance(value, list | tuple) else [(None, value)]
        for place, item in items:
            inner = f"{path}." if place is None else f"{path}.{place}."
            if (nested := dataclass_of(item)) is not None:
                found += _paths(nested, item if isinstance(item, Mapping) else {}, inner)
    return found


def _name(thing: Any) -> str:
    return str(getattr(thing, "__qualname__", thing))
