"""A clip's pictures go through the vision tower once, however many prompts show them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from harness.models.transformers.plain import placed
from harness.models.transformers.preparing import WholePixels


class Placed:
    """Prompts' inputs on a model's device; equal tensors of one name are the same tensor."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._known: dict[str, list[tuple[Any, torch.Tensor]]] = {}

    def __call__(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs of one prompt."""
        return {name: self._place(name, value) for name, value in inputs.items()}

    def _place(self, name: str, value: Any) -> Any:
        if not isinstance(value, torch.Tensor | WholePixels):
            return value
        for known, there in self._known.setdefault(name, []):
            if known is value or _equal(known, value):
                return there
        there = placed(self._model, {name: value})[name]
        self._known[name].append((value, there))
        return there


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, WholePixels) or isinstance(other, WholePixels):
        return type(one) is type(other) and _equal(one.values, other.values)
    return one.shape == other.shape and one.dtype == other.dtype and torch.equal(one, other)


@contextmanager
def remembered(model: Any) -> Iterator[None]:
    """Meanwhile the model's own ``get_…_features`` are computed once for the same tensors."""
    base = model.base_model
    owners = {id(each): each for each in (model, base)}.values()
    names = [
        (owner, name)
        for owner in owners
        for name in dir(type(owner))
        if name.startswith("get_") and name.endswith("_features")
    ]
    for owner, name in names:
        setattr(owner, name, _memo(getattr(owner, name)))
    try:
        yield
    finally:
        for owner, name in names:
            delattr(owner, name)


def _memo(function: Callable[..., Any]) -> Callable[..., Any]:
    known: dict[Any, tuple[Any, Any]] = {}

    def remembering(*args: Any, **kwargs: Any) -> Any:
        key = (tuple(map(_name, args)), tuple((k, _name(v)) for k, v in sorted(kwargs.items())))
        if key not in known:
            # the arguments are kept, so that no other tensor takes their place
            known[key] = ((args, kwargs), function(*args, **kwargs))
        return known[key][1]

    return remembering


def _name(value: Any) -> Any:
    """Equal for equal plain values and for tensors of the same memory: some models cut what they
    are given before they ask for its features, which makes another tensor each time."""
    if value is None or isinstance(value, bool | int | float | str):
        return ("=", value)
    if isinstance(value, torch.Tensor) and value.data_ptr():
        return ("at", value.data_ptr(), value.shape, value.stride(), value.dtype, value.device)
    return ("is", id(value))
