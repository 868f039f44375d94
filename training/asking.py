"""The questions that a scene answers, named like Video-MME's task types."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.scene import COLORS, DIRECTIONS, PLACES, SHAPES, Floats, Scene

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


def _looks(scene: Scene) -> list[Query]:
    """Colour and shape of a scene in which all things look the same."""
    thing = scene.things[0]
    color, shape = f"is the {thing.shape}", f"is the {thing.color} object"
    if len(scene.things) > 1:
        color, shape = f"are the {thing.shape}s", f"are the {thing.color} objects"
    return [
        Query(ATTRIBUTE, f"What color {color}?", thing.color, tuple(COLORS)),
        Query(OBJECT, f"What shape {shape}?", thing.shape, SHAPES),
    ]


def _still(scene: Scene) -> list[Query]:
    thing, count = scene.things[0], str(len(scene.things))
    asked = [*_looks(scene), Query(COUNT, "How many objects are in the video?", count, COUNTS)]
    if len(scene.things) == 1:
        place = f"{'top' if thing.y < 0.5 else 'bottom'}-{'left' if thing.x < 0.5 else 'right'}"
        asked.append(Query(SPATIAL, f"Where is the {thing.color} object?", place, PLACES))
    return asked


def _order(scene: Scene, place: int) -> Query:
    """The options are the four that appear: to have seen all of them does not help."""
    colors = tuple(thing.color for thing in scene.things)
    return Query(ORDER, f"Which color appears {ORDINALS[place]}?", colors[place], colors)


def queries(
    scene: Scene, rng: np.random.Generator, ordinals: tuple[int, int] | None = None
) -> list[Query]:
    """Every question type that the scene (shown in full) answers, once (order: twice).

    ``ordinals`` are the two places (0..3) in the order of events that are asked for.
    """
    if scene.plot == "still":
        asked = _still(scene)
    elif scene.plot == "moving":
        text = "In which direction does the object move?"
        assert scene.direction is not None
        asked = [*_looks(scene), Query(MOTION, text, scene.direction, tuple(DIRECTIONS))]
    else:
        one, other = ordinals or rng.permutation(4)[:2]
        asked = [_order(scene, int(one)), _order(scene, int(other))]
    if scene.flash:
        text = "Which color does the background flash?"
        asked.append(Query(MOMENT, text, scene.flash.color, tuple(COLORS)))
    return asked


def answerable(query: Query, scene: Scene, times: Floats) -> bool:
    """Whether frames at ``times`` show what the question asks for."""
    if query.task_type == MOTION:
        return float(np.ptp(times)) > 0
    if query.task_type == ORDER:
        return all(np.any((times >= t.start) & (times < t.stop)) for t in scene.things)
    if query.task_type == MOMENT:
        return scene.flash is not None and scene.flash.seen(times)
    return True


def notes(scene: Scene, times: Floats) -> tuple[str, ...]:
    """What each frame shows that the frame alone does not: which of the things in turn it is, or
    which way the thing has moved since the first frame. Empty where there is nothing to say."""
    if scene.plot == "sequence":
        starts = np.array([thing.start for thing in scene.things])
        return tuple(ORDINALS[int(np.searchsorted(starts, t, side="right")) - 1] for t in times)
    moved = scene.direction or ""
    return tuple(moved if t > times[0] else "" for t in times)


def about_subtitles(animal: str) -> Query:
    """The question that only the subtitles answer."""
    return Query(SUBTITLE, "Which animal does the narrator talk about?", animal, ANIMALS)
