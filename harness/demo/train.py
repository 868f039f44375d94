"""Trains the three tiny checkpoints: ``python -m harness.demo.train --out checkpoints``.

A model this small stays at chance when it is taught multiple choice from the start. It learns in
an order in which every step is within reach:

    letters     text alone: a word is given, its option's letter is asked for
    looks       single frames, open answers: colour, shape, count, place
    image       single frames, with options                                → tiny_image
    events      2 and 4 frames, open answers: motion, order
    clips       1 to 16 frames, open answers and options
    where       drill with options, one frame: where is it?
    which       drill with options, 2 and 4 frames: which way, which first?
    longer      the same with 8 frames
    everything  all questions at all lengths
    told        the same behind subtitles
    video       the same, the order of events above all                    → tiny_video
    dpo         direct preference optimization of tiny_video               → tiny_video_dpo

Each stage is written to ``--work`` when it is done and is not done again: a stopped training
resumes at its last unfinished stage. About an hour on one core. The committed checkpoints came from
these stages, but not from one run of them: the scenes were still being simplified during "looks",
and "everything" was cut short. One run from start to end has not been measured yet.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from harness.demo import checkpoint, tokenizer
from harness.demo.asking import MOTION, ORDER, SPATIAL
from harness.demo.learning import Model, Progress, teach
from harness.demo.lessons import Watching, chosen, drilled, read_aloud, spoken
from harness.demo.packing import Batch, Packer
from harness.demo.preference import align, preferences

SEED = 1_000_003  # the benchmark's is another (make_clips.py)

SINGLE = Watching(spoken, ("still", "moving"), (0.8, 0.2))
SINGLE_CHOICE = Watching(chosen, ("still", "moving"), (0.8, 0.2))
MOVING = Watching(spoken, ("moving",), (1.0,))
PARADES = Watching(spoken, ("sequence",), (1.0,))
EVENTS = Watching(spoken, weights=(0.2, 0.4, 0.4))
CHOICE = Watching(chosen, narrated=0.35)
WHERE = Watching(drilled, ("still",), (1.0,), topic=SPATIAL)
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

    def clips(self, kind: Watching, lessons: int, frames: tuple[int, ...]) -> Batch:
        """Lessons about clips, all with as many frames, one of ``frames``."""
        count = int(self.rng.choice(frames))
        drawn = [kind.lesson(count, self.rng) for _ in range(lessons)]
        return self.packer.pack([lesson for lesson in drawn if lesson.branches], self.rng)


@dataclass(frozen=True)
class Stage:
    """``steps`` of teaching at ``rate``; each step draws one of ``kinds`` with its ``share``."""

    name: str
    steps: int
    rate: float
    kinds: dict[str, tuple[float, Callable[[Teacher], Batch]]]

    def draw(self, teacher: Teacher) -> tuple[str, Batch]:
        """One step's lessons and what they are called in the log."""
        shares = [share for share, _ in self.kinds.values()]
        name = str(teacher.rng.choice(list(self.kinds), p=shares))
        return name, self.kinds[name][1](teacher)


MANY = (2, 4, 8, 8, 8, 16)
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
        180,
        1e-3,
        {
            "open": (0.35, lambda t: t.clips(SINGLE, 96, (1,))),
            "choice": (0.55, lambda t: t.clips(SINGLE_CHOICE, 40, (1,))),
            "text": (0.1, lambda t: t.text(32, True)),
        },
    ),
    Stage(
        "events",
        250,
        1.5e-3,
        {
            "moving": (0.35, lambda t: t.clips(MOVING, 32, (2,))),
            "order": (0.4, lambda t: t.clips(PARADES, 32, (4,))),
            "choice": (0.2, lambda t: t.clips(SINGLE_CHOICE, 32, (1,))),
            "text": (0.05, lambda t: t.text(32, True)),
        },
    ),
    Stage(
        "clips",
        500,
        1e-3,
        {
            "open": (0.4, lambda t: t.clips(EVENTS, 40, MANY)),
            "choice": (0.6, lambda t: t.clips(CHOICE, 28, (1, *MANY))),
        },
    ),
    Stage(
        "where",
        400,
        1e-3,
        {
            "where": (0.8, lambda t: t.clips(WHERE, 32, (1,))),
            "open": (0.2, lambda t: t.clips(SINGLE, 32, (1,))),
        },
    ),
    Stage(
        "which",
        500,
        8e-4,
        {
            "which way": (0.3, lambda t: t.clips(WHICH_WAY, 32, (2,))),
            "which first": (0.37, lambda t: t.clips(WHICH_FIRST, 24, (4,))),
            "order": (0.15, lambda t: t.clips(PARADES, 32, (4,))),
            "moving": (0.08, lambda t: t.clips(MOVING, 32, (2,))),
            "choice": (0.1, lambda t: t.clips(CHOICE, 24, MANY)),
        },
    ),
    Stage(
        "longer",
        450,
        7e-4,
        {
            "which way": (0.3, lambda t: t.clips(WHICH_WAY, 32, (2, 8, 8))),
            "which first": (0.3, lambda t: t.clips(WHICH_FIRST, 20, (4, 8, 8))),
            "choice": (0.25, lambda t: t.clips(CHOICE, 24, (1, 4, 8, 8, 16))),
            "open": (0.1, lambda t: t.clips(EVENTS, 32, (4, 8, 8))),
            "moving": (0.05, lambda t: t.clips(MOVING, 32, (2, 8))),
        },
    ),
    Stage(
        "everything",
        300,
        6e-4,
        {
            "which way": (0.1, lambda t: t.clips(WHICH_WAY, 28, (2, 4, 8))),
            "which first": (0.35, lambda t: t.clips(WHICH_FIRST, 20, (4, 8, 8))),
            "choice": (0.5, lambda t: t.clips(CHOICE, 28, (1, *MANY))),
            "open": (0.05, lambda t: t.clips(EVENTS, 32, (4, 8, 8))),
        },
    ),
    Stage(
        "told",
        400,
        6e-4,
        {
            "where": (0.1, lambda t: t.clips(told(WHERE), 24, (1, 4, 8, 8, 16))),
            "which way": (0.15, lambda t: t.clips(told(WHICH_WAY), 24, MANY)),
            "which first": (0.3, lambda t: t.clips(told(WHICH_FIRST), 18, (4, 8, 8, 16))),
            "choice": (0.45, lambda t: t.clips(told(CHOICE), 24, (1, *MANY))),
        },
    ),
    Stage(
        "video",
        260,
        6e-4,
        {
            "where": (0.08, lambda t: t.clips(told(WHERE, 0.75), 20, (1, 8, 8, 16))),
            "which way": (0.12, lambda t: t.clips(told(WHICH_WAY, 0.75), 16, (4, 8, 8, 16))),
            "which first": (0.5, lambda t: t.clips(told(WHICH_FIRST, 0.75), 16, (4, 8, 8, 16))),
            "choice": (0.3, lambda t: t.clips(told(CHOICE), 20, (1, *MANY))),
        },
    ),
)
NAMES = {"image": "tiny_image", "video": "tiny_video", "dpo": "tiny_video_dpo"}


def train(work: Path, until: str | None = None, log: Callable[[str], None] = print) -> Model:
    """Trains what is not in ``work`` yet, stage by stage."""
    words = tokenizer.build(checkpoint.CONTEXT)
    model = checkpoint.build(words, SEED)
    for number, stage in enumerate(STAGES, 1):
        if (work / stage.name).exists():
            model, words = checkpoint.load(work / stage.name)
        else:
            log(f"{stage.name}: {stage.steps} steps")
            teacher = Teacher(Packer(words), SEED + number)
            teach(model, lambda _: stage.draw(teacher), stage.steps, stage.rate, Progress(log, 25))  # noqa: B023
            checkpoint.save(model, words, work / stage.name)
        if stage.name == until:
            return model
    if not (work / "dpo").exists():
        log("dpo")
        teacher = Teacher(Packer(words), SEED)
        align(
            model, lambda _: teacher.clips(PREFERENCE, 24, (1, *MANY)), 200, 1e-4, Progress(log, 25)
        )
        checkpoint.save(model, words, work / "dpo")
    return model


def main() -> None:
    """Trains, and copies the three models to ``--out``."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "checkpoints")
    parser.add_argument("--work", type=Path, default=Path("demo-training"))
    parser.add_argument("--until", help="stop after this stage")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    train(asked.work, asked.until, lambda line: print(line, flush=True))
    for stage, name in NAMES.items():
        if (asked.work / stage).exists():
            model, words = checkpoint.load(asked.work / stage)
            checkpoint.save(model, words, asked.out / name)


if __name__ == "__main__":
    main()
