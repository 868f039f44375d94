"""Where an input of a model lies in what a processor makes of some of a clip's frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from harness.models.transformers.preparing import Scaling, WholePixels
from harness.models.transformers.spans import moved_on


@dataclass(frozen=True)
class Field:
    """An input of the model that lacks its numbers in ``hollow``: what the processor's video part
    calls it, whether the dimension of its clips is dropped, the axis of frames, and, where it holds
    places, how far they move on a frame."""

    source: str
    flat: bool
    axis: int
    step: int = 0

    def of(self, made: Mapping[str, Any]) -> Any:
        """The input, in what the video part made; None where it is not there."""
        found = made.get(self.source)
        if isinstance(found, list) and len(found) == 1 and isinstance(found[0], torch.Tensor):
            found = found[0][None]  # a processor that stacks nothing
        if not isinstance(found, torch.Tensor) or found.dim() < 1 + self.flat:
            return None
        return found.flatten(0, 1) if self.flat else found


def find_field(
    name: str,
    whole: torch.Tensor,
    made: Sequence[Mapping[str, Any]],
    starts: Sequence[int],
    how: Scaling | None,
) -> Field | None:
    """Where an input of this name is found, so that what was ``made`` of frames from each of
    ``starts`` on is, one behind the other, the ``whole``, to the bit; None where nowhere. ``how``
    bytes among it are scaled."""
    for source in sorted(made[0], key=lambda key: key != name):  # its own name first
        for flat in (False, True):
            pieces = [Field(source, flat, 0).of(each) for each in made]
            if any(piece is None for piece in pieces) or pieces[0].dim() != whole.dim():
                continue
            for axis in range(whole.dim()):
                if _as_large(pieces, axis, whole):
                    step = _step(pieces, starts, axis, whole)
                    moved = [moved_on(p, s * step) for p, s in zip(pieces, starts, strict=True)]
                    if _joined(moved, axis, whole, how):
                        return Field(source, flat, axis, step)
    return None


def _as_large(pieces: list[Any], axis: int, whole: torch.Tensor) -> bool:
    """Whether the pieces fit together along this axis to something of the whole's shape."""
    shapes = [list(piece.shape) for piece in pieces]
    together = sum(shape[axis] for shape in shapes)
    return all([*s[:axis], together, *s[axis + 1 :]] == list(whole.shape) for s in shapes)


def _step(pieces: list[Any], starts: Sequence[int], axis: int, whole: torch.Tensor) -> int:
    """How far places that are told in the second piece move on a frame (molmo2 counts patches)."""
    if whole.is_floating_point() or whole.dtype == torch.uint8 or len(pieces) < 2:
        return 0
    first, second = (piece.shape[axis] for piece in pieces[:2])
    apart = (whole.narrow(axis, first, second) - pieces[1])[pieces[1] >= 0]
    return int(apart.flatten()[0]) // starts[1] if len(apart) else 0


def _joined(pieces: list[Any], axis: int, whole: torch.Tensor, how: Scaling | None) -> bool:
    """Whether the pieces along this axis are the whole, to the bit."""
    joined = torch.cat(pieces, axis)
    if how is not None and joined.dtype == torch.uint8:
        joined = WholePixels(joined, how).on("cpu", whole.dtype)
    return joined.dtype == whole.dtype and torch.equal(joined, whole)
