"""What a vision tower takes on a CPU when it sees a clip a few frames at a time.

    python -m benchmarks.towers [--family …] [--frames 32] [--layers 4] [--json]

Towers of the published widths with a few of their layers (all layers are alike), random weights,
float32: processor seconds for a clip's features, beside those of the whole clip in one piece. All
ways take turns, so that a busy machine slows each of them.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Mapping
from typing import Any

import torch

from benchmarks import families
from harness.models.transformers.decoder import Decoder
from harness.models.transformers.features import Placed
from harness.models.transformers.merging import Merging
from harness.models.transformers.spans import SpannedPixels, Spans

WIDE = ("llava_next_video", "internvl", "qwen2_5_vl", "qwen3_vl")
AT_ONCE = (1, 2, 4, 8, 16)
RAW = argparse.RawDescriptionHelpFormatter


class Subject:
    """A family's tower before a decoder that is not asked, and a clip."""

    def __init__(self, name: str, frames: int, layers: int, size: families.Size) -> None:
        family = families.FAMILIES[name]
        shape = family.shape(size)
        text = {**families.TEXT["toy"], **families.RANGE}
        tower = {**shape.tower, "depth": layers}
        self.shape = dataclasses.replace(shape, text=text, tower=tower, frames=frames)
        self._family = family
        self._device = torch.device("cpu")
        model = families.build(family, self.shape, self._device, torch.float32)
        self.decoder = Decoder(model)
        self.unit = 2 if "video_grid_thw" in self._clip(2)[1] else 1
        self.merging = Merging(2 * self.unit)
        self.see(3 * self.unit, self.merging)  # which learns how results are joined

    def see(self, frames: int, merging: Merging | None) -> float:
        """Processor seconds until the decoder would be called."""
        tokens, given = self._clip(frames)
        whole = Placed(self.decoder.model, merging)
        inputs = {"input_ids": torch.tensor([tokens]), **self._spanned(frames, given)}
        inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
        if "video_grid_thw" in given:
            video = inputs["input_ids"] == families.marks(self.decoder.model.config)["video"]
            inputs["mm_token_type_ids"] = 2 * video.long()
        began = time.process_time()
        with whole.remembered():
            self.decoder.see(whole(inputs))
        return time.process_time() - began

    def bytes(self) -> int:
        """Of a frame's pixels, in float32."""
        _, given = self._clip(self.unit)
        return next(4 * v.numel() for n, v in given.items() if "pixel" in n) // self.unit

    def _clip(self, frames: int) -> tuple[list[int], dict[str, torch.Tensor]]:
        shape = dataclasses.replace(self.shape, frames=frames)
        return self._family.clip(self._config, shape, self._device)

    @property
    def _config(self) -> Any:
        return self.decoder.model.config

    def _spanned(self, frames: int, given: Mapping[str, torch.Tensor]) -> dict[str, Any]:
        name = next(name for name in given if "pixel" in name)
        value = given[name]
        axis = 1 if value.dim() == 5 else 0
        each = value.shape[axis] // frames

        def make(start: int, stop: int) -> dict[str, torch.Tensor]:
            made = {name: value.narrow(axis, start * each, (stop - start) * each)}
            if "video_grid_thw" in given:
                made["video_grid_thw"] = given["video_grid_thw"].clone()
                made["video_grid_thw"][0, 0] = (stop - start) // self.unit
            return made

        spans = Spans(frames, self.unit, make)
        spanned = SpannedPixels(spans, name, tuple(value.shape), axis, value.dtype)
        return {**given, name: spanned}


def measure(
    name: str, frames: int, layers: int, repeats: int, size: families.Size
) -> dict[str, Any]:
    """Processor seconds by frames at a time, the best of the repeats; None is all at once."""
    subject = Subject(name, frames, layers, size)
    ways = [n for n in AT_ONCE if n % subject.unit == 0 and n < frames]
    best: dict[str, float] = {}
    for _ in range(repeats):
        for at_once in (*ways, None):
            subject.merging.frames = at_once
            took = subject.see(frames, subject.merging if at_once else None)
            key = str(at_once or "all")
            best[key] = min(took, best.get(key, took))
    return {"family": name, "frames": frames, "bytes_of_a_frame": subject.bytes(), "seconds": best}


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=RAW)
    parser.add_argument("--family", choices=WIDE, nargs="+", default=list(WIDE))
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--size", choices=("toy", "small", "real"), default="real")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    if not chosen.json:
        print(f"| family | a frame, MB | all, s | {' | '.join(map(str, AT_ONCE))} |")
        print(f"|---|---:|---:|{'---:|' * len(AT_ONCE)}")
    for name in chosen.family:
        found = measure(name, chosen.frames, chosen.layers, chosen.repeats, chosen.size)
        print(json.dumps(found) if chosen.json else _row(found), flush=True)


def _row(found: Mapping[str, Any]) -> str:
    seconds = found["seconds"]
    shares = [
        f"{seconds[k] / seconds['all']:.2f}" if (k := str(n)) in seconds else "" for n in AT_ONCE
    ]
    first = [found["family"], f"{found['bytes_of_a_frame'] / 1e6:.1f}", f"{seconds['all']:.1f}"]
    return f"| {' | '.join([*first, *shares])} |"


if __name__ == "__main__":
    main()
