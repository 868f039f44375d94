"""A clip's pictures go through the vision tower once, however many prompts show them, and a few
frames at a time where that is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from harness.errors import ModelError
from harness.models.transformers.hollow import is_hollow
from harness.models.transformers.merging import Merging
from harness.models.transformers.plain import placed
from harness.models.transformers.preparing import instead
from harness.models.transformers.spans import SpannedPixels


class Placed:
    """Prompts' inputs on a model's device; equal tensors of one name are the same tensor.

    With ``merging``, pixels that can be made a few frames at a time stay unmade: zeros without
    memory stand in for them until the model asks for their features, within ``remembered``.
    """

    def __init__(self, model: Any, merging: Merging | None = None) -> None:
        self._model = model
        self._merging = merging
        self._known: dict[str, list[tuple[Any, torch.Tensor]]] = {}

    def __call__(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs of one prompt."""
        return {name: self._place(name, value) for name, value in inputs.items()}

    @contextmanager
    def remembered(self) -> Iterator[None]:
        """Meanwhile the model's own ``get_…_features`` are computed once for the same tensors."""
        owners = {id(each): each for each in (self._model, self._model.base_model)}.values()
        with ExitStack() as stack:
            for owner in owners:
                for name in dir(type(owner)):
                    if name.startswith("get_") and name.endswith("_features"):
                        memo = self._memo(name, getattr(owner, name))
                        stack.enter_context(instead(owner, name, memo))
            yield

    def _place(self, name: str, value: Any) -> Any:
        if not isinstance(value, torch.Tensor | SpannedPixels):
            return value
        for known, there in self._known.setdefault(name, []):
            if known is value or _equal(known, value):
                return there
        if self._merging is not None and isinstance(value, SpannedPixels):
            there = value.stand_in(self._model.device, self._model.dtype)
        else:
            there = placed(self._model, {name: value})[name]
        self._known[name].append((value, there))
        return there

    def _memo(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        known: dict[Any, tuple[Any, Any]] = {}

        def remembering(*args: Any, **kwargs: Any) -> Any:
            if self._merging is not None and self._merging.busy:  # a span's: it comes once
                return function(*args, **kwargs)
            key = (tuple(map(_name, args)), tuple((k, _name(v)) for k, v in sorted(kwargs.items())))
            if key not in known:
                # the arguments are kept, so that no other tensor takes over their identity
                known[key] = ((args, kwargs), self._computed(name, function, args, kwargs))
            return known[key][1]

        return remembering

    def _computed(self, name: str, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if self._merging is None:
            return function(*args, **kwargs)
        given = [self._known_as(each) for each in (*args, *kwargs.values())]
        pixels = [value for _, value in given if isinstance(value, SpannedPixels)]
        if not pixels:
            return function(*args, **kwargs)

        def of_span(made: Mapping[str, Any]) -> Any:
            there = placed(self._model, made)
            own = [there.get(self._known_as(each)[0], each) for each in args]
            named = {key: there.get(self._known_as(v)[0], v) for key, v in kwargs.items()}
            return function(*own, **named)

        return self._merging.merged(name, of_span, pixels, self._model.device)

    def _known_as(self, value: Any) -> tuple[str, Any]:
        """Which of the prompts' inputs an argument is: its name there, and itself; else "".

        Raises ModelError for what a model made of pixels that are not there yet.
        """
        inputs = [(name, *each) for name, known in self._known.items() for each in known]
        found = [(name, one) for name, one, there in inputs if _name(there) == _name(value)]
        if found or not is_hollow(value):
            return found[0] if found else ("", None)
        shape = tuple(value.shape)  # a view of another kind than torch's own tensors
        spanned = [(n, one) for n, one, _ in inputs if isinstance(one, SpannedPixels)]
        found = [each for each in spanned if each[1].shape == shape]
        if len(found) != 1:
            raise ModelError(f"pixels of shape {shape} are not what the model was given")
        return found[0]


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, SpannedPixels) or isinstance(other, SpannedPixels):
        return isinstance(one, SpannedPixels) and one.same(other)
    return one.shape == other.shape and one.dtype == other.dtype and torch.equal(one, other)


def _name(value: Any) -> Any:
    """What tells arguments apart: tensors by where their numbers are (some models hand on a view
    of all of one, another tensor each time), what is plain by value."""
    if value is None or isinstance(value, bool | int | float | str):
        return ("=", value)
    if isinstance(value, torch.Tensor) and value.data_ptr():
        return ("at", value.data_ptr(), value.shape, value.stride(), value.dtype, value.device)
    return ("is", id(value))
