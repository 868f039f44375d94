"""Frames and images to what the vision tower takes, with CLIP's own image processor on PIL.

transformers' video processor needs torchvision, which does not load beside a CPU torch; LLaVA-
NeXT-Video's original code ran CLIP's image processor on every frame, and so do we: on a real 720p
clip the result differs from the video processor's by 4e-5 on average (values' std: 0.76). A frame
is never sampled, repeated or dropped here: T frames in, T frames out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import ModelError
from harness.models.transformers.checkpoint import read_json
from harness.types import Pixels

if TYPE_CHECKING:
    import torch

_KEPT = (
    "do_resize",
    "size",
    "resample",
    "do_center_crop",
    "crop_size",
    "do_rescale",
    "rescale_factor",
    "do_normalize",
    "image_mean",
    "image_std",
)


@dataclass(frozen=True)
class Preprocessor:
    """A checkpoint's own pixel settings: ``frame`` for the clip, ``image`` for stills (AnyRes)."""

    frame: Mapping[str, Any]
    image: Mapping[str, Any]
    pinpoints: Sequence[tuple[int, int]]

    @property
    def side(self) -> int:
        """Height and width in pixels of a processed frame."""
        return side_of(self.frame)

    @property
    def shortest_edge(self) -> int:
        """What a frame's shorter edge is resized to before it is cropped."""
        size = self.frame["size"]
        return int(size.get("shortest_edge") or min(size["height"], size["width"]))

    def frames(self, pixels: Pixels) -> torch.Tensor:
        """``pixels`` uint8 [T, H, W, 3] to normalised float32 [T, 3, side, side]."""
        import torch

        from harness.models.transformers.library import transformers

        processor = transformers.CLIPImageProcessorPil(**self.frame)
        batch = processor(list(pixels), return_tensors="np", input_data_format="channels_last")
        return torch.from_numpy(np.asarray(batch["pixel_values"], dtype=np.float32))

    def anyres(self, pixels: Pixels) -> torch.Tensor:
        """One image, uint8 [H, W, 3], to its overview and tiles: float32 [tiles, 3, side, side]."""
        import torch

        from harness.models.transformers.library import transformers

        processor = transformers.LlavaNextImageProcessorPil(
            **self.image, image_grid_pinpoints=[list(p) for p in self.pinpoints]
        )
        batch = processor([pixels], return_tensors="np", input_data_format="channels_last")
        values: NDArray[np.float32] = np.asarray(batch["pixel_values"], dtype=np.float32)[0]
        return torch.from_numpy(values)


def side_of(settings: Mapping[str, Any]) -> int:
    """Height and width in pixels of what these settings make of an image. Raises ModelError."""
    size: Mapping[str, int] = (
        settings["crop_size"] if settings.get("do_center_crop", True) else settings["size"]
    )
    height, width = size.get("height"), size.get("width")
    if height is None or height != width:
        raise ModelError(f"the preprocessor makes frames of {dict(size)}: a square is needed")
    return int(height)


def read_preprocessor(folder: Path, pinpoints: Sequence[tuple[int, int]]) -> Preprocessor:
    """A checkpoint's preprocessor files, of any generation of transformers. Raises ModelError."""
    together = read_json(folder, "processor_config.json")
    image = read_json(folder, "preprocessor_config.json") or together.get("image_processor", {})
    frame = read_json(folder, "video_preprocessor_config.json") or together.get(
        "video_processor", {}
    )
    settings = [_settings(found) for found in (frame or image, image or frame)]
    for found in settings:
        missing = {"size", "crop_size", "image_mean", "image_std"} - found.keys()
        if missing:
            raise ModelError(
                f"{folder} does not say how its frames are prepared: {', '.join(sorted(missing))} "
                "missing in preprocessor_config.json"
            )
    return Preprocessor(settings[0], settings[1], tuple(pinpoints))


def _settings(found: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: found[key] for key in _KEPT if found.get(key) is not None}
    for key, plain in (("size", "shortest_edge"), ("crop_size", "height")):
        if isinstance(kept.get(key), int):  # the first transformers releases wrote a number
            side = kept[key]
            kept[key] = {plain: side} if key == "size" else {"height": side, "width": side}
    return kept
