"""The questions that a scene answers, named like Video-MME's task types."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.demo.scene import COLORS, DIRECTIONS, PLACES, SHAPES, Floats, Scene

ANIMALS = ("lion", "tiger", "horse", "rabbit", "eagle", "whale", "monkey", "turtle")
COUNTS = ("1", "2", "3", "4")
ORDINALS = ("first", "second", "third", "last")
LETTERS = "ABCD"

ATTRIBUTE = "Attribute Perception"
OBJECT = "Object Recognition"
COUNT = "Counting Problem"
SPATIAL = "Spatial Perception"
MOTION = "Action Recognition"
ORDER = "Temporal Reasoning"
MOMENT = "Temporal Perception"
SUBTITLE = "Information Synopsis"
TASK_TYPES = (ATTRIBUTE, OBJECT, COUNT, SPATIAL, MOTION, ORDER, MOMENT, SUBTITLE)


@dataclass(frozen=True)
class Query:
    """A question, its answer (one word) and the words that the options are drawn from."""

    task_type: str
    text: str
    answer: str
    pool: tuple[str, ...]

    def options(self, rng: np.random.Generator, gold: int | None = None) -> tuple[list[str], int]:
        """Four options in random order and the place of the right one (``gold``, if given).

        The wrong ones are drawn evenly from the pool, so that the options say nothing.
        """
        others = [word for word in self.pool if word != self.answer]
        words = [str(word) for word in rng.permutation(others)[:3]]
        place = int(rng.integers(4)) if gold is None else gold
        words.insert(place, self.answer)
        return words, place


def _still(scene: Scene, rng: np.random.Generator) -> list[Query]:
    thing = scene.things[int(rng.integers(len(scene.things)))]
    place = f"{'top' if thing.y < 0.5 else 'bottom'}-{'left' if thing.x < 0.5 else 'right'}"
    return [
        *_looks(scene, rng),
        Query(COUNT, "How many objects are in the video?", str(len(scene.things)), COUNTS),
        Query(SPATIAL, f"Where is the {thing.color} object?", place, PLACES),
    ]


def _looks(scene: Scene, rng: np.random.Generator) -> list[Query]:
    one, other = (scene.things[int(i)] for i in rng.integers(len(scene.things), size=2))
    return [
        Query(ATTRIBUTE, f"What color is the {one.shape}?", one.color, tuple(COLORS)),
        Query(OBJECT, f"What shape is the {other.color} object?", other.shape, SHAPES),
    ]


def _order(scene: Scene, by_color: bool, place: int) -> Query:
    """The options are the four that appear: to have seen all of them does not help."""
    words = tuple(t.color if by_color else t.shape for t in scene.things)
    kind = "color" if by_color else "shape"
    return Query(ORDER, f"Which {kind} appears {ORDINALS[place]}?", words[place], words)


def queries(
    scene: Scene, rng: np.random.Generator, ordinals: tuple[int, int] | None = None
) -> list[Query]:
    """Every question type that the scene (shown in full) answers, once (order: twice).

    ``ordinals`` are the places (0..3) that are asked for by colour and by shape.
    """
    if scene.plot == "still":
        asked = _still(scene, rng)
    elif scene.plot == "moving":
        text = "In which direction does the object move?"
        assert scene.direction is not None
        asked = [*_looks(scene, rng), Query(MOTION, text, scene.direction, tuple(DIRECTIONS))]
    else:
        by_color, by_shape = ordinals or rng.permutation(4)[:2]
        asked = [_order(scene, True, int(by_color)), _order(scene, False, int(by_shape))]
    if scene.flash:
        text = "Which color does the background flash?"
        asked.append(Query(MOMENT, text, scene.flash.color, tuple(COLORS)))
    return asked


def answerable(query: Query, scene: Scene, times: Floats) -> bool:
    """Whether frames at ``times`` show what the question asks for."""
    if query.task_type == MOTION:
        return len(times) > 1
    if query.task_type == ORDER:
        return all(np.any((times >= t.start) & (times < t.stop)) for t in scene.things)
    if query.task_type == MOMENT:
        return scene.flash is not None and scene.flash.seen(times)
    return True


def about_subtitles(animal: str) -> Query:
    """The question that only the subtitles answer."""
    return Query(SUBTITLE, "Which animal does the narrator talk about?", animal, ANIMALS)
