"""Scenes of moving shapes: what is in them, when, and how they look.

Space is the unit square with y pointing down, time the unit interval from the clip's first frame
(0) to its last (1). A scene can be drawn at any size and at any times, so that the benchmark
(128 px, encoded as H.264) and the training frames (32 px, never encoded) are the same drawings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

COLORS: dict[str, tuple[int, int, int]] = {
    "red": (220, 35, 35),
    "green": (35, 170, 60),
    "blue": (45, 80, 235),
    "yellow": (240, 225, 50),
    "purple": (150, 45, 200),
    "orange": (245, 135, 25),
    "white": (245, 245, 245),
    "cyan": (60, 215, 225),
}
SHAPES = ("circle", "square", "triangle", "cross", "ring", "bar")
PLACES = ("top-left", "top-right", "bottom-left", "bottom-right")
DIRECTIONS: dict[str, tuple[int, int]] = {
    "left": (-1, 0),
    "right": (1, 0),
    "up": (0, -1),
    "down": (0, 1),
}
Plot = Literal["still", "moving", "sequence"]


@dataclass(frozen=True)
class Thing:
    """A coloured shape at (``x``, ``y``), visible from ``start`` to ``stop``.

    ``velocity`` is in widths per clip.
    """

    color: str
    shape: str
    x: float
    y: float
    radius: float
    velocity: tuple[float, float] = (0.0, 0.0)
    start: float = 0.0
    stop: float = 2.0


@dataclass(frozen=True)
class Flash:
    """The background takes on ``color`` from ``start`` to ``stop``."""

    color: str
    start: float
    stop: float

    def seen(self, times: Floats) -> bool:
        """Whether any of ``times`` falls into the flash."""
        return bool(np.any((times >= self.start) & (times < self.stop)))


@dataclass(frozen=True)
class Scene:
    """What a clip shows; ``backdrop`` is a grey level in 0..255."""

    plot: Plot
    backdrop: int
    things: tuple[Thing, ...]
    flash: Flash | None = None
    direction: str | None = None


def _place(place: str, rng: np.random.Generator) -> tuple[float, float]:
    """The middle of a quarter of the picture, give or take."""
    x = 0.25 if place.endswith("left") else 0.75
    y = 0.25 if place.startswith("top") else 0.75
    dx, dy = rng.uniform(-0.04, 0.04, 2)
    return x + dx, y + dy


def _things(count: int, rng: np.random.Generator) -> list[Thing]:
    """``count`` things that differ in colour, in shape and in their quarter of the picture."""
    colors = rng.permutation(list(COLORS))[:count]
    shapes = rng.permutation(SHAPES)[:count]
    places = rng.permutation(PLACES)[:count]
    return [
        Thing(str(color), str(shape), *_place(str(place), rng), rng.uniform(0.17, 0.20))
        for color, shape, place in zip(colors, shapes, places, strict=True)
    ]


def _alike(things: Sequence[Thing]) -> list[Thing]:
    """The things, all with the look of the first."""
    return [replace(thing, color=things[0].color, shape=things[0].shape) for thing in things]


def _moving(thing: Thing, direction: str, rng: np.random.Generator) -> Thing:
    """The thing, moving from its quarter of the picture to the next one.

    Every quarter is left, and entered, in two directions: one frame leaves two answers open, and
    frames without their order leave two open as well.
    """
    dx, dy = DIRECTIONS[direction]
    x = 0.5 - dx / 4 if dx else rng.choice((0.25, 0.75))
    y = 0.5 - dy / 4 if dy else rng.choice((0.25, 0.75))
    x, y = np.array((x, y)) + rng.uniform(-0.04, 0.04, 2)
    return replace(thing, x=float(x), y=float(y), velocity=(dx / 2, dy / 2))


def _in_turn(things: Sequence[Thing], rng: np.random.Generator) -> list[Thing]:
    """The things one after the other, each alone for about its share of the clip."""
    cuts = [i / len(things) + rng.uniform(-0.03, 0.03) for i in range(1, len(things))]
    bounds = [0.0, *cuts, 2.0]
    return [replace(thing, start=bounds[i], stop=bounds[i + 1]) for i, thing in enumerate(things)]


def imagine(
    rng: np.random.Generator,
    plot: Plot,
    *,
    count: int | None = None,
    direction: str | None = None,
    flash: float | None = None,
) -> Scene:
    """A random scene of one plot; what is not given is drawn from ``rng``.

    ``count`` things of one look in a still scene (1 to 4); ``direction`` of the moving one;
    ``flash`` is when the background flashes (its start; None: it does not), in the clip's time.
    A flash lasts an eighth of the clip: eight evenly spread frames (1/7 apart) meet most of them,
    four few.
    """
    backdrop = int(rng.integers(30, 95))
    if plot == "still":
        things = _alike(_things(count or int(rng.choice((1, 1, 2, 3, 4))), rng))
    elif plot == "moving":
        direction = direction or str(rng.choice(list(DIRECTIONS)))
        things = [_moving(_things(1, rng)[0], direction, rng)]
    else:
        things = _in_turn(_things(4, rng), rng)
    lit = None
    if flash is not None:
        free = [color for color in COLORS if color not in {t.color for t in things}]
        lit = Flash(str(rng.choice(free)), flash, flash + 0.125)
    return Scene(plot, backdrop, tuple(things), lit, direction if plot == "moving" else None)


def _inside(thing: Thing, dx: Floats, dy: Floats) -> Floats:
    """How deep each point lies inside the thing's outline (negative: outside), in widths."""
    r, ax, ay = thing.radius, np.abs(dx), np.abs(dy)
    match thing.shape:
        case "circle":
            return r - np.hypot(dx, dy)
        case "ring":
            return 0.27 * r - np.abs(np.hypot(dx, dy) - 0.78 * r)
        case "square":
            return 0.85 * r - np.maximum(ax, ay)
        case "bar":
            return np.minimum(r - ax, 0.38 * r - ay)
        case "cross":
            flat, tall = np.minimum(r - ax, 0.33 * r - ay), np.minimum(r - ay, 0.33 * r - ax)
            return np.maximum(flat, tall)
        case _:  # triangle, pointing up
            return np.minimum(0.8 * r - dy, (dy + r - 1.8 * ax) / 2.06)


def render(scene: Scene, times: Floats, side: int) -> NDArray[np.uint8]:
    """Draws the scene at ``times`` (0..1): uint8 [T, side, side, 3] RGB, edges antialiased."""
    grid = (np.arange(side) + 0.5) / side
    frames = np.full((len(times), side, side, 3), float(scene.backdrop))
    if scene.flash:
        lit = (times >= scene.flash.start) & (times < scene.flash.stop)
        frames[lit] = COLORS[scene.flash.color]
    for thing in scene.things:
        shown = (times >= thing.start) & (times < thing.stop)
        at = times[shown][:, None, None]
        dx = grid[None, None, :] - thing.x - thing.velocity[0] * at
        dy = grid[None, :, None] - thing.y - thing.velocity[1] * at
        cover = np.clip(0.5 + side * _inside(thing, dx, dy), 0, 1)[..., None]
        frames[shown] = frames[shown] * (1 - cover) + cover * np.array(COLORS[thing.color])
    return frames.round().astype(np.uint8)
