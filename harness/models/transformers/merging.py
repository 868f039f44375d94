"""What a vision tower gives for a few frames at a time, joined to what it gives for the clip.

A tower whose attention stays within a frame (or the frames that a patch spans) gives the same
either way. Whether it does, and along which dimensions its results lie one behind the other, is
tried when the model is loaded (``find``): the decoder must be handed the same.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from harness.models.transformers.memory import TOWER_AT_ONCE
from harness.models.transformers.spans import SpannedPixels, Spans

UNUSED = ("last_hidden_state", "hidden_states", "attentions")
"""What transformers' towers give beside their features (``pooler_output``): no model reads it."""

Path = tuple[Any, ...]

log = logging.getLogger(__name__)


class NotJoined(LookupError):
    """Results for a few frames at a time that are not known to make those for the whole clip."""


@dataclass(frozen=True)
class Axis:
    """A dimension in which spans lie one behind the other; the last ``tail`` of it belong to no
    frame (LLaVA-OneVision ends a clip with a token of its own)."""

    number: int
    tail: int


class Merging:
    """How the results of a model's ``get_…_features`` for spans are joined: learned from a first
    span that is twice as long as the second, which is the last. ``frames`` is how many frames go
    together, None: by the device; ``busy`` while spans are computed."""

    def __init__(self, frames: int | None = None) -> None:
        self.frames = frames
        self.busy = False
        self._axes: dict[Path, Axis | None] = {}
        self._whole: set[str] = set()  # functions whose results for a few frames were not joined

    def merged(
        self,
        name: str,
        function: Callable[[Mapping[str, Any]], Any],
        pixels: Sequence[SpannedPixels],
        device: torch.device,
    ) -> Any:
        """What ``function`` makes of all spans' inputs; the next span's are made meanwhile. A clip
        whose results cannot be joined is seen as a whole.

        Raises NotJoined while it is learned how results are joined.
        """
        kind, spans = "cpu" if device.type == "cpu" else "gpu", pixels[0].spans
        most = self.frames or min(each.most(TOWER_AT_ONCE[kind]) for each in pixels)
        with self._busy():
            if name in self._whole:
                return function(spans.make(0, spans.frames))
            pieces = [_kept(function(made)) for made in ahead(spans, most)]
            try:
                return self._joined((name,), pieces)
            except NotJoined as error:
                if self.frames is not None:
                    raise
                log.warning("%s: its frames go through the vision tower together", error)
                self._whole.add(name)
            pieces.clear()
            return function(spans.make(0, spans.frames))

    @contextmanager
    def _busy(self) -> Iterator[None]:
        self.busy = True
        try:
            yield
        finally:
            self.busy = False

    def _joined(self, path: Path, pieces: list[Any]) -> Any:
        first = pieces[0]
        if len(pieces) == 1:
            return first
        if isinstance(first, torch.Tensor):
            return self._tensor(path, pieces)
        if dataclasses.is_dataclass(first) and not isinstance(first, type):  # transformers' outputs
            return _rebuilt(
                first, lambda n: self._joined((*path, n), [getattr(p, n) for p in pieces])
            )
        if isinstance(first, list | tuple):
            return self._listed(path, pieces)
        if any(piece != first for piece in pieces):
            raise NotJoined(f"{_dotted(path)} differs between frames")
        return first

    def _listed(self, path: Path, pieces: list[Any]) -> Any:
        kind = type(pieces[0])
        lengths = [len(piece) for piece in pieces]
        if self._new(path):
            self._axes[path] = (
                Axis(0, 2 * lengths[1] - lengths[0]) if lengths[0] != lengths[1] else None
            )
        if axis := self._axes[path]:  # a list of frames
            cut = [piece[: len(piece) - axis.tail] for piece in pieces[:-1]]
            return kind(each for piece in [*cut, pieces[-1]] for each in piece)
        if len(set(lengths)) > 1:
            raise NotJoined(f"{_dotted(path)} differs in length between frames")
        together = zip(*pieces, strict=True)
        return kind(self._joined((*path, i), list(each)) for i, each in enumerate(together))

    def _tensor(self, path: Path, pieces: list[torch.Tensor]) -> torch.Tensor:
        if self._new(path):
            self._axes[path] = _differing(path, pieces)
        if (axis := self._axes[path]) is None:
            if not all(torch.equal(pieces[0], piece) for piece in pieces[1:]):
                raise NotJoined(f"{_dotted(path)} differs between frames")
            return pieces[0]
        cut = [p.narrow(axis.number, 0, p.shape[axis.number] - axis.tail) for p in pieces[:-1]]
        return torch.cat([*cut, pieces[-1]], axis.number)

    def _new(self, path: Path) -> bool:
        """Whether a result is to be learned. Raises NotJoined for one that no longer can be."""
        if path not in self._axes and self.frames is None:
            raise NotJoined(f"{_dotted(path)} was not there for a short clip")
        return path not in self._axes


def _differing(path: Path, pieces: list[torch.Tensor]) -> Axis | None:
    """The dimension in which two pieces differ; None: they have one shape. Raises NotJoined."""
    one, other = (piece.shape for piece in pieces)
    axes = [i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b]
    if len(one) != len(other) or len(axes) > 1:
        raise NotJoined(f"{_dotted(path)} is {tuple(one)} and {tuple(other)}")
    return _axis(axes[0], one[axes[0]], other[axes[0]]) if axes else None


def _axis(number: int, first: int, second: int) -> Axis:
    tail = 2 * second - first  # each has it, and the first twice as many frames
    if tail < 0:
        raise NotJoined(f"{first} for two units of frames, {second} for one")
    return Axis(number, tail)


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))


def _kept(made: Any) -> Any:
    """The result without what nobody reads."""
    if getattr(made, "pooler_output", None) is None:
        return made
    return _rebuilt(made, lambda name: None if name in UNUSED else getattr(made, name))


def _rebuilt(output: Any, value: Callable[[str], Any]) -> Any:
    """One of transformers' outputs with other values; what models add to them is kept."""
    found = {name: value(name) for name in vars(output)}
    fields = {field.name for field in dataclasses.fields(output)}
    made = type(output)(**{name: each for name, each in found.items() if name in fields})
    for name in found.keys() - fields:
        setattr(made, name, found[name])
    return made


def ahead(spans: Spans, most: int) -> Iterator[Mapping[str, Any]]:
    """What each span is, the next one being made meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        following = None
        for border in spans.borders(most):
            current, following = following, pool.submit(spans.make, *border)
            if current is not None:
                yield current.result()
        if following is not None:
            yield following.result()
