"""What the models are taught: random clips and questions about them.

One lesson is a clip and several questions about it, laid out as a shared prefix (frames,
subtitles, instruction) and one branch per question. Branches see the prefix and themselves, never
each other (``packing.Batch.mask``), so that a lesson equals its questions asked one by one, at a
third of the cost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.asking import (
    ANIMALS,
    LETTERS,
    SUBTITLE,
    TASK_TYPES,
    Query,
    about_subtitles,
    answerable,
    notes,
    queries,
)
from training.checkpoint import IMAGE_SIDE
from training.narration import lines
from training.scene import Floats, Plot, imagine, render

SUBTITLES = "This video's subtitles are listed below:\n"
INSTRUCTION = (
    "Select the best answer to the following multiple-choice question based on the video. "
    "Respond with only the letter (A, B, C, or D) of the correct option.\n"
)
CLOSING = "The best answer is:"
PLOTS: tuple[Plot, ...] = ("still", "moving", "sequence")
COUNTS_OF_FRAMES, FPS = (32, 80, 192), 8


def choice(query: Query, options: Sequence[str]) -> str:
    """The question with its options, as Video-MME prints them (without the instruction)."""
    listed = "".join(f"{LETTERS[i]}. {word}\n" for i, word in enumerate(options))
    return f"{query.text}\n{listed}{CLOSING}"


@dataclass(frozen=True)
class Branch:
    """One question's own text and the answer that is taught; ``word`` is what the answer means."""

    text: str
    answer: str
    word: str = ""


@dataclass(frozen=True, eq=False)
class Lesson:
    """A prefix, in which <video> stands for all of ``frames``, and the questions behind it;
    ``notes`` has a word for each frame (or an empty one): what it shows in the light of those
    before it; ``seconds`` is how long the clip takes."""

    prefix: str
    branches: tuple[Branch, ...]
    frames: NDArray[np.uint8] | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


def spoken(query: Query, rng: np.random.Generator) -> list[Branch]:
    """The question asked openly: the answer is the word itself."""
    return [Branch(f"\n{query.text} ASSISTANT:", query.answer)]


def chosen(query: Query, rng: np.random.Generator) -> list[Branch]:
    """The question with options: the answer is the letter."""
    options, gold = query.options(rng)
    return [Branch(f"{choice(query, options)} ASSISTANT:", LETTERS[gold], query.answer)]


def worded(query: Query, rng: np.random.Generator) -> list[Branch]:
    """The word first, then its letter: two easy steps towards the letter at once."""
    options, gold = query.options(rng)
    text = choice(query, options).replace(CLOSING, "Answer:")
    return [Branch(f"{text} ASSISTANT:", f"{query.answer} {LETTERS[gold]}")]


def drilled(query: Query, rng: np.random.Generator) -> list[Branch]:
    """The same question three times, with the options dealt anew."""
    return [branch for _ in range(3) for branch in chosen(query, rng)]


Ask = Callable[[Query, np.random.Generator], list[Branch]]


def sampled(count: int, rng: np.random.Generator) -> tuple[Floats, float]:
    """The times (0..1) of ``count`` frames picked evenly from a clip of one of the usual lengths,
    and that length in seconds."""
    total = int(rng.choice(COUNTS_OF_FRAMES))
    return np.linspace(0, total - 1, count, dtype=int) / (total - 1), total / FPS


def read_aloud(rng: np.random.Generator, instruction: bool) -> Lesson:
    """Text alone: the answer's word stands where the video would, the letter is to be found."""
    if rng.random() < 0.3:
        query = about_subtitles(str(rng.choice(ANIMALS)))
        said = subtitles(query.answer, rng)
    else:
        scene = imagine(rng, PLOTS[rng.integers(3)], flash=0.5)
        asked = queries(scene, rng)
        query = asked[rng.integers(len(asked))]
        said = f"{query.answer}\n"
    styles: tuple[Ask, ...] = (chosen, chosen, worded, worded)
    branches = tuple(branch for style in styles for branch in style(query, rng))
    return Lesson(f"USER: {said}{INSTRUCTION if instruction else ''}", branches)


def revised(rng: np.random.Generator) -> Lesson:
    """The same for every kind of question as often as for any other, always with the letter."""
    kind = str(rng.choice([kind for kind in TASK_TYPES if kind != SUBTITLE]))
    found: list[Query] = []
    while not found:
        scene = imagine(rng, PLOTS[rng.integers(3)], flash=0.5)
        found = [query for query in queries(scene, rng) if query.task_type == kind]
    branches = tuple(branch for _ in range(4) for branch in chosen(found[0], rng))
    return Lesson(f"USER: {found[0].answer}\n{INSTRUCTION}", branches)


def subtitles(animal: str | None, rng: np.random.Generator) -> str:
    """Subtitle lines as the prompt shows them: those that fall on some frames, in order."""
    script = lines(animal, int(rng.integers(1, 9)), rng)
    picked = sorted(set(rng.integers(len(script), size=8).tolist()) | {0})
    return SUBTITLES + "".join(f"{script[i]}\n" for i in picked)


@dataclass(frozen=True)
class Watching:
    """How lessons about clips are drawn: which plots (and their share), how questions are asked,
    the share of clips whose subtitles are shown, the only task type that is asked about (None: all
    of them), and whether all frames show the same moment."""

    ask: Ask
    plots: tuple[Plot, ...] = PLOTS
    weights: tuple[float, ...] = (0.3, 0.4, 0.3)
    narrated: float = 0.0
    topic: str | None = None
    frozen: bool = False

    def lesson(self, count: int, rng: np.random.Generator) -> Lesson:
        """A clip seen in ``count`` frames, and every question that those frames answer."""
        times, seconds = sampled(count, rng)
        if self.frozen:
            times = np.full(count, rng.choice(times))
        flash = None
        if rng.random() < 0.5:  # mostly one that some frame meets
            meets = rng.random() < 0.8
            flash = (float(rng.choice(times)) if meets else rng.random()) - rng.uniform(0, 0.125)
        plot = self.plots[rng.choice(len(self.plots), p=self.weights)]
        scene = imagine(rng, plot, flash=flash)
        asked = [
            query
            for query in queries(scene, rng)
            if answerable(query, scene, times) and self.topic in (None, query.task_type)
        ]
        prefix = "USER: <video>" if self.ask is spoken else "USER: <video>\n"
        if rng.random() < self.narrated:
            animal = str(rng.choice(ANIMALS)) if rng.random() < 0.6 else None
            prefix += subtitles(animal, rng)
            asked += [about_subtitles(animal)] if animal else []
        prefix += "" if self.ask is spoken else INSTRUCTION
        branches = tuple(branch for query in asked for branch in self.ask(query, rng))
        shown = render(scene, times, IMAGE_SIDE)
        return Lesson(prefix, branches, shown, notes(scene, times), seconds)
