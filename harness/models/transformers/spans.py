"""A clip's pictures a few frames at a time: made where they are needed, let go once seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

AT_ONCE = 1 << 24  # bytes of pixels that are made in one go where a whole clip's are asked for


@dataclass(frozen=True, eq=False)
class Spans:
    """A clip of ``frames`` frames, of which ``unit`` go together. ``make(start, stop)`` gives what
    the model's ``forward`` would be given for these frames alone, by name; ``start`` is a multiple
    of ``unit``."""

    frames: int
    unit: int
    make: Callable[[int, int], Mapping[str, Any]]

    def borders(self, most: int) -> list[tuple[int, int]]:
        """Where spans of at most so many frames, or of one unit, start and stop."""
        step = max(1, most // self.unit) * self.unit
        return [(at, min(at + step, self.frames)) for at in range(0, self.frames, step)]


@dataclass(frozen=True, eq=False)
class SpannedPixels:
    """One input of a model's ``forward`` that is not there yet: its ``name`` among what ``spans``
    make, its shape, and the ``axis`` along which spans lie one behind the other. What holds places
    among a clip's patches moves on by ``step`` a frame."""

    spans: Spans
    name: str
    shape: tuple[int, ...]
    axis: int
    dtype: torch.dtype
    step: int = 0

    def numel(self) -> int:
        """How many numbers it has."""
        return int(torch.Size(self.shape).numel())

    def most(self, size: int) -> int:
        """How many frames take about ``size`` bytes, in float32."""
        return max(1, size * self.spans.frames // max(1, 4 * self.numel()))

    def on(self, device: Any, dtype: torch.dtype) -> torch.Tensor:
        """The whole of it on a device; fractions of this type."""
        kind = dtype if self.dtype.is_floating_point else self.dtype
        made = torch.empty(self.shape, dtype=kind, device=device)
        place = 0
        for start, stop in self.spans.borders(self.most(AT_ONCE)):
            piece = self.spans.make(start, stop)[self.name]
            plain = isinstance(piece, torch.Tensor)
            here = moved_on(piece, start * self.step) if plain else piece.on(device, dtype)
            count = here.shape[self.axis]
            made.narrow(self.axis, place, count).copy_(here)
            place += count
        return made

    def stand_in(self, device: Any, dtype: torch.dtype) -> torch.Tensor:
        """Zeros of its shape on a device, which take no memory."""
        kind = dtype if self.dtype.is_floating_point else self.dtype
        return torch.zeros((), dtype=kind, device=device).expand(self.shape)

    def same(self, other: Any) -> bool:
        """Whether the other is the same input of the same frames."""
        return (
            isinstance(other, SpannedPixels)
            and self.spans is other.spans
            and self.name == other.name
        )


def moved_on(places: torch.Tensor, by: int) -> torch.Tensor:
    """Places that are this much further; -1, which is none, stays."""
    return torch.where(places >= 0, places + by, places) if by else places
