"""What is taught, in which order: the stages that ``train`` goes through.

A model this small stays at chance when it is taught multiple choice from the start. It learns in
an order in which every step is within reach:

    letters   text alone: a word is given, its option's letter is asked for
    looks     single frames, open answers: colour, shape, count, place
    image     single frames, with options
    events    2 to 8 frames, open answers: motion, order
    clips     all questions with options, 1 to 16 frames, half of them behind subtitles
    longer    the same; what an inner layer knows shall be like the word as it is read
    video     the same, with more of what is still wrong: places, counts      → tiny_video
    still     after "image": one moment in up to 16 frames, with options      → tiny_image

Hints on the way (``packing.Batch.hints``): by its third layer each frame's tokens should know
which event they show, by its fourth the question's last token should know the answer's word, which
leaves two layers to find that word among the options and to say its letter. Four layers without
hints had the order of events in 16 frames half right; what six without, or four with, would have
has not been measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from training.asking import MOTION, ORDER, SPATIAL
from training.learning import Model, Progress, teach
from training.lessons import Watching, chosen, drilled, read_aloud, revised, spoken
from training.packing import Batch, Packer
from training.preference import preferences

SINGLE = Watching(spoken, ("still", "moving"), (0.8, 0.2))
SINGLE_CHOICE = Watching(chosen, ("still", "moving"), (0.8, 0.2))
MOVING = Watching(spoken, ("moving",), (1.0,))
PARADES = Watching(spoken, ("sequence",), (1.0,))
EVENTS = Watching(spoken, weights=(0.2, 0.4, 0.4))
CHOICE = Watching(chosen, narrated=0.35)
CHOICE_STILL = replace(CHOICE, weights=(0.5, 0.2, 0.3))
WHERE = Watching(drilled, ("still",), (1.0,), topic=SPATIAL)
FROZEN = Watching(chosen, ("still", "moving"), (0.7, 0.3), narrated=0.35, frozen=True)
WHICH_WAY = Watching(drilled, ("moving",), (1.0,), topic=MOTION)
WHICH_FIRST = Watching(drilled, ("sequence",), (1.0,), topic=ORDER)
PREFERENCE = Watching(preferences, narrated=0.35)


def told(kind: Watching, share: float = 0.5) -> Watching:
    """The same lessons with subtitles in a share of the prompts."""
    return replace(kind, narrated=share)


class Teacher:
    """Draws batches of every kind of lesson, from one stream of random numbers."""

    def __init__(self, packer: Packer, seed: int) -> None:
        self.packer, self.rng = packer, np.random.default_rng(seed)

    def text(self, lessons: int, instruction: bool) -> Batch:
        """Words to letters, without video."""
        drawn = [read_aloud(self.rng, instruction) for _ in range(lessons)]
        return self.packer.pack(drawn, self.rng)

    def revision(self, lessons: int) -> Batch:
        """Words to letters again, of all kinds alike."""
        return self.packer.pack([revised(self.rng) for _ in range(lessons)], self.rng)

    def clips(self, kind: Watching, lessons: int, frames: tuple[int, ...]) -> Batch:
        """Lessons about clips, all with as many frames, one of ``frames``."""
        count = int(self.rng.choice(frames))
        drawn = [kind.lesson(count, self.rng) for _ in range(lessons)]
        return self.packer.pack([lesson for lesson in drawn if lesson.branches], self.rng)


@dataclass(frozen=True)
class Stage:
    """``steps`` of teaching at ``rate``; each step draws one of ``kinds`` with its share;
    ``noted`` is the layer by which a frame's note should be known, ``alike`` as in ``teach``,
    ``after`` the stage to go on from, if not the one before."""

    name: str
    steps: int
    rate: float
    kinds: dict[str, tuple[float, Callable[[Teacher], Batch]]]
    noted: int = 3
    alike: bool = False
    after: str | None = None

    def draw(self, teacher: Teacher) -> tuple[str, Batch]:
        """One step's lessons and what they are called in the log."""
        shares = [share for share, _ in self.kinds.values()]
        name = str(teacher.rng.choice(list(self.kinds), p=shares))
        return name, self.kinds[name][1](teacher)

    def teach(self, model: Model, teacher: Teacher, progress: Progress) -> None:
        """All of its steps."""
        teach(
            model,
            lambda _: self.draw(teacher),
            self.steps,
            self.rate,
            progress,
            alike=self.alike,
        )


FEW, MANY = (2, 3, 4, 6, 8), (2, 4, 6, 8, 8, 12, 16, 16)
STAGES = (
    Stage("letters", 300, 1.5e-3, {"text": (1.0, lambda t: t.text(48, False))}),
    Stage(
        "looks",
        600,
        1.5e-3,
        {
            "open": (0.8, lambda t: t.clips(SINGLE, 96, (1,))),
            "text": (0.2, lambda t: t.text(32, True)),
        },
    ),
    Stage(
        "image",
        200,
        1e-3,
        {
            "open": (0.3, lambda t: t.clips(SINGLE, 96, (1,))),
            "choice": (0.4, lambda t: t.clips(SINGLE_CHOICE, 40, (1,))),
            "where": (0.2, lambda t: t.clips(WHERE, 32, (1,))),
            "text": (0.1, lambda t: t.text(32, True)),
        },
    ),
    Stage(
        "events",
        400,
        1.5e-3,
        {
            "moving": (0.25, lambda t: t.clips(MOVING, 40, (2, 3, 4))),
            "order": (0.45, lambda t: t.clips(PARADES, 40, (4, 4, 6, 8))),
            "open": (0.15, lambda t: t.clips(EVENTS, 40, FEW)),
            "choice": (0.15, lambda t: t.clips(SINGLE_CHOICE, 32, (1,))),
        },
        noted=2,
    ),
    Stage(
        "clips",
        800,
        1e-3,
        {
            "open": (0.15, lambda t: t.clips(EVENTS, 32, FEW)),
            "where": (0.1, lambda t: t.clips(told(WHERE), 24, (1, *MANY))),
            "which way": (0.15, lambda t: t.clips(told(WHICH_WAY), 24, MANY)),
            "which first": (0.3, lambda t: t.clips(told(WHICH_FIRST), 18, (4, *MANY[1:]))),
            "choice": (0.3, lambda t: t.clips(CHOICE, 24, (1, *MANY))),
        },
    ),
    Stage(
        "longer",
        700,
        1e-3,
        {
            "open": (0.05, lambda t: t.clips(EVENTS, 32, MANY)),
            "where": (0.12, lambda t: t.clips(told(WHERE), 24, (1, *MANY))),
            "which way": (0.18, lambda t: t.clips(told(WHICH_WAY), 24, (2, 4, 8, 8, 16))),
            "which first": (0.3, lambda t: t.clips(told(WHICH_FIRST), 18, (4, 8, 8, 12, 16, 16))),
            "choice": (0.25, lambda t: t.clips(CHOICE, 24, (1, *MANY))),
            "text": (0.1, lambda t: t.revision(40)),
        },
        alike=True,
    ),
    Stage(
        "video",
        400,
        6e-4,
        {
            "where": (0.2, lambda t: t.clips(told(WHERE), 24, (1, *MANY))),
            "which way": (0.1, lambda t: t.clips(told(WHICH_WAY), 24, (2, 4, 8, 8, 16))),
            "which first": (0.25, lambda t: t.clips(told(WHICH_FIRST), 18, (4, 8, 8, 12, 16, 16))),
            "choice": (0.45, lambda t: t.clips(told(CHOICE_STILL), 24, (1, *MANY))),
        },
        alike=True,
    ),
    Stage(
        "still",
        300,
        8e-4,
        {
            "open": (0.15, lambda t: t.clips(SINGLE, 64, (1,))),
            "where": (0.25, lambda t: t.clips(replace(WHERE, frozen=True), 24, (1, *MANY))),
            "choice": (0.6, lambda t: t.clips(FROZEN, 28, (1, *MANY))),
        },
        after="image",
    ),
)
