"""What LLaVA-NeXT's prompts show, each picture in a slot and prepared once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from harness.models.transformers.pixels import Preprocessor
from harness.types import Pixels

if TYPE_CHECKING:
    import torch

Kind = Literal["pooled", "anyres", "still"]


@dataclass
class Pictures:
    """What a sample's prompts show, each picture once.

    ``frames`` frames of ``size`` (height, width) are there to be shown; ``shown[s]`` is what
    slot s holds: a pooled frame, a frame as an AnyRes image (by frame number), or a still
    (by number in ``stills``).
    """

    frames: int
    size: tuple[int, int]
    shown: list[tuple[Kind, int]] = field(default_factory=list)
    stills: list[Pixels] = field(default_factory=list)
    _slots: dict[tuple[str, object], int] = field(default_factory=dict)

    def slot(self, kind: Kind, what: int | Pixels) -> int:
        """The slot of a frame (by number) or of a still (by its pixels)."""
        if isinstance(what, int):
            key: tuple[str, object] = (kind, what)
        else:
            key = (kind, (what.shape, hashlib.sha256(what.tobytes()).digest()))
        if key not in self._slots:
            self._slots[key] = len(self.shown)
            if not isinstance(what, int):
                self.stills.append(what)
                what = len(self.stills) - 1
            self.shown.append((kind, what))
        return self._slots[key]


class PreparedPixels:
    """A sample's pictures as the vision tower takes them: each is prepared once, and the same
    pictures in the same order are the same tensor."""

    def __init__(self, pixels: Preprocessor, frames: Pixels, pictures: Pictures) -> None:
        self._pixels = pixels
        self._frames = frames
        self._pictures = pictures
        self._tiles: dict[int, torch.Tensor] = {}
        self._made: dict[tuple[int, ...], dict[str, Any]] = {}

    def inputs(self, slots: Sequence[int]) -> dict[str, Any]:
        """What ``forward`` is given for these slots, in the order they are shown."""
        shown = self._pictures.shown
        pooled = tuple(slot for slot in slots if shown[slot][0] == "pooled")
        whole = tuple(slot for slot in slots if shown[slot][0] != "pooled")
        return self._video(pooled) | self._images(whole)

    def _video(self, slots: tuple[int, ...]) -> dict[str, Any]:
        if slots and slots not in self._made:
            from harness.models.transformers.spans import SpannedPixels, Spans

            frames = self._frames[[self._pictures.shown[slot][1] for slot in slots]]
            made = self._pixels.frames(frames)[None]

            def span(start: int, stop: int) -> dict[str, torch.Tensor]:
                return {"pixel_values_videos": made[:, start:stop]}

            spans = Spans(len(slots), 1, span)
            name, shape = "pixel_values_videos", tuple(made.shape)
            self._made[slots] = {name: SpannedPixels(spans, name, shape, 1, made.dtype)}
        return self._made[slots] if slots else {}

    def _images(self, slots: tuple[int, ...]) -> dict[str, Any]:
        if slots and slots not in self._made:
            import torch
            from torch.nn.utils.rnn import pad_sequence

            images = [self._image(slot) for slot in slots]
            for slot, image in zip(slots, images, strict=True):
                if slot not in self._tiles:
                    self._tiles[slot] = self._pixels.anyres(image)
            self._made[slots] = {
                "pixel_values": pad_sequence([self._tiles[s] for s in slots], batch_first=True),
                "image_sizes": torch.tensor([image.shape[:2] for image in images]),
            }
        return self._made[slots] if slots else {}

    def _image(self, slot: int) -> Pixels:
        kind, number = self._pictures.shown[slot]
        return self._pictures.stills[number] if kind == "still" else self._frames[number]
