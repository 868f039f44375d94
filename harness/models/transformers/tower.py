"""What a picture costs a vision tower, counted on its modules. Importing this loads no torch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

GRIDS = ("grid_thw", "target_sizes", "target_sizes_videos")
"""Ends of names of a processor's outputs that list pictures' (frames,) rows and columns, in
patches."""


@dataclass(frozen=True)
class Tower:
    """``weights`` that work for every patch, ``patch`` how many numbers a patch has; ``per_pair``
    the attention's operations for a patch and one that it sees, in all layers where it sees its
    whole picture; ``windows`` the same for layers with a window, with its number of patches."""

    weights: float = 0.0
    patch: int = 1
    per_pair: float = 0.0
    windows: tuple[float, int] = (0.0, 0)

    def operations(self, pictures: Sequence[int]) -> float:
        """Floating-point operations of pictures of so many numbers: two for each weight and patch,
        and those of patches that see each other."""
        total, (windowed, window) = 0.0, self.windows
        for numbers in pictures:
            patches = numbers / self.patch
            total += 2.0 * self.weights * patches + self.per_pair * patches**2
            total += windowed * patches * min(window, patches)
        return total


def tower_of(model: Any, others: set[int]) -> Tower:
    """A model's, which may be weightless; ``others`` are its decoder's and head's weights, by id.

    Of two towers side by side a picture goes through one. A network of convolutions, whose patches
    are not of one size, is left out.
    """
    found = _matrices(model, others)
    first = _first(found)
    if first is None:
        return Tower()
    vision = getattr(model.config, "vision_config", None)
    ways = {_root(n) for n, w in found.items() if w.dim() > 2 and w.shape[1] == first.shape[1]}
    ways = ways or {_root(next(iter(found)))}
    blocks = _blocks(model, [name for name in found if _root(name) in ways])
    shares = _shares(found, blocks, first)
    shares |= {name: 1 / _merged_before(layer, vision) for name, layer in blocks.items()}
    weights = 0.0
    for name, share in shares.items():
        many = len(ways) if _root(name) in ways else 1
        weights += found[name].numel() * share / many
    layers = sum(1 / _merged_before(layer, vision) ** 2 for layer in set(blocks.values()))
    width, *numbers = first.shape
    return attending(weights, math.prod(numbers), width, layers / len(ways), vision)


def attending(weights: float, patch: int, width: int, layers: float, vision: Any) -> Tower:
    """The tower of so many layers; some see a window only where its configuration says so."""
    each = 4.0 * width
    side = int(getattr(vision, "window_size", None) or 0)
    whole = getattr(vision, "fullatt_block_indexes", None)
    if not side or whole is None:
        return Tower(weights, patch, each * layers)
    window = (side // int(vision.patch_size)) ** 2
    return Tower(weights, patch, each * len(whole), windows=(each * (layers - len(whole)), window))


def picture_sizes(inputs: Mapping[str, Any]) -> tuple[int, ...]:
    """How many numbers each picture is among a forward's inputs, which may be weightless: patches
    see those of their own picture only, of which a pair of frames is one."""
    grids = [rows for name, rows in inputs.items() if name.endswith(GRIDS)]
    sizes: list[int] = []
    for name, pixels in inputs.items():
        if not name.startswith("pixel_values"):
            continue
        numbers = math.prod(pixels.shape)
        if len(pixels.shape) == 3:  # pictures, patches, a patch's numbers
            sizes += [numbers // pixels.shape[0]] * pixels.shape[0]
        elif grids:
            patches = [n for row in grids.pop(0).tolist() for n in _frames(row)]
            sizes += [numbers // sum(patches) * n for n in patches]
        else:
            size = math.prod(pixels.shape[-3:])
            sizes += [size] * (numbers // size)
    return tuple(sizes)


def _frames(row: Sequence[int]) -> list[int]:
    *frames, rows, columns = row
    return [rows * columns] * math.prod(frames)


def _matrices(model: Any, others: set[int]) -> dict[str, torch.Tensor]:
    """The weights of linear layers and convolutions that a picture may go through, in the order of
    the modules."""
    import torch

    kinds = (torch.nn.Linear, torch.nn.Conv2d, torch.nn.Conv3d)
    return {
        name: module.weight
        for name, module in model.named_modules()
        if isinstance(module, kinds) and id(module.weight) not in others and "audio" not in name
    }


def _first(found: Mapping[str, torch.Tensor]) -> torch.Tensor | None:
    """What takes a patch: the first convolution, or the first matrix where there is none."""
    convolutions = [weight for weight in found.values() if weight.dim() > 2]
    if len(convolutions) > 2 or not found:
        return None
    return (convolutions or list(found.values()))[0]


def _blocks(model: Any, found: Sequence[str]) -> dict[str, str]:
    """The layers of the towers, by the matrices in them: the longest lists of modules alike."""
    import torch

    lists = (torch.nn.ModuleList, torch.nn.Sequential)
    alike = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, lists) and len({type(each) for each in module}) == 1
    }

    def inside() -> Iterator[tuple[str, str, int]]:
        for matrix in found:
            for name in alike:
                if matrix.startswith(f"{name}."):
                    layer = matrix[len(name) + 1 :].split(".")[0]
                    yield matrix, f"{name}.{layer}", len(alike[name])

    holding = list(inside())
    most = max((count for _, _, count in holding), default=0)
    return {matrix: layer for matrix, layer, count in holding if count == most}


def _merged_before(layer: str, vision: Any) -> int:
    """How many patches have become one before a layer, where some do between two layers."""
    after = getattr(vision, "insert_layer_id", None)
    if after is None or int(layer.rsplit(".", 1)[1]) <= after:
        return 1
    return math.prod(vision.window_kernel_size)


def _shares(
    found: Mapping[str, torch.Tensor], blocks: Mapping[str, str], first: torch.Tensor
) -> dict[str, float]:
    """For how many of a patch each matrix works: less than one behind the layers, where patches
    are merged. Four are, where a matrix takes four times the width or a convolution four places."""
    merged = dict.fromkeys(found, 1)
    before, given = 1, 0  # of the matrix before this one: how many patches, and what it gives
    for name, weight in found.items():
        taken, width = int(weight[0].numel()), int(first.shape[0])
        if name in blocks or weight is first or weight.shape[1:] == first.shape[1:]:
            before, given = 1, 0
            continue
        if weight.dim() > 2:
            before = taken // int(weight.shape[1])
        elif taken != given:  # 0: no multiple of the width, it takes what another one gives
            before = taken // width if taken % width == 0 else 0
        merged[name], given = before, int(weight.shape[0])
    most = max(merged.values())
    return {name: 1 / (number or most) for name, number in merged.items()}


def _root(name: str) -> str:
    """A tower's own name in the model: "model.vision_tower"."""
    return ".".join(name.split(".")[:2])
