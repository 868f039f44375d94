"""What the models are taught: random clips, questions about them, and batches of both.

One lesson is a clip and several questions about it, laid out as a shared prefix (frames,
subtitles, instruction) and one branch per question. Branches see the prefix and themselves, never
each other (``Batch.mask``), so that a lesson equals its questions asked one by one, at a third of
the cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast
from transformers.utils.constants import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

from harness.demo.asking import ANIMALS, LETTERS, Query, about_subtitles, answerable, queries
from harness.demo.checkpoint import FRAME_TOKENS, IMAGE_SIDE
from harness.demo.narration import lines
from harness.demo.scene import Floats, Plot, imagine, render

SUBTITLES = "This video's subtitles are listed below:\n"
INSTRUCTION = (
    "Select the best answer to the following multiple-choice question based on the video. "
    "Respond with only the letter (A, B, C, or D) of the correct option.\n"
)
CLOSING = "The best answer is:"
PLOTS: tuple[Plot, ...] = ("still", "moving", "sequence")
COUNTS_OF_FRAMES = (32, 80, 192)


def choice(query: Query, options: Sequence[str]) -> str:
    """The question with its options, as Video-MME prints them (without the instruction)."""
    listed = "".join(f"{LETTERS[i]}. {word}\n" for i, word in enumerate(options))
    return f"{query.text}\n{listed}{CLOSING}"


@dataclass(frozen=True)
class Branch:
    """One question's own text and the answer that is taught."""

    text: str
    answer: str


@dataclass(frozen=True, eq=False)
class Lesson:
    """A prefix, in which <video> stands for all of ``frames``, and the questions behind it."""

    prefix: str
    branches: tuple[Branch, ...]
    frames: NDArray[np.uint8] | None = None


def spoken(query: Query, rng: np.random.Generator) -> list[Branch]:
    """The question asked openly: the answer is the word itself."""
    return [Branch(f"\n{query.text} ASSISTANT:", query.answer)]


def chosen(query: Query, rng: np.random.Generator) -> list[Branch]:
    """The question with options: the answer is the letter."""
    options, gold = query.options(rng)
    return [Branch(f"{choice(query, options)} ASSISTANT:", LETTERS[gold])]


def worded(query: Query, rng: np.random.Generator) -> list[Branch]:
    """The word first, then its letter: two easy steps towards the letter at once."""
    options, gold = query.options(rng)
    text = choice(query, options).replace(CLOSING, "Answer:")
    return [Branch(f"{text} ASSISTANT:", f"{query.answer} {LETTERS[gold]}")]


Ask = Callable[[Query, np.random.Generator], list[Branch]]


def sampled(count: int, rng: np.random.Generator) -> Floats:
    """The times of ``count`` frames picked evenly from a clip of one of the usual lengths."""
    total = int(rng.choice(COUNTS_OF_FRAMES))
    return np.linspace(0, total - 1, count, dtype=int) / (total - 1)


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


def subtitles(animal: str | None, rng: np.random.Generator) -> str:
    """Subtitle lines as the prompt shows them: those that fall on some frames, in order."""
    script = lines(animal, int(rng.integers(1, 9)), rng)
    picked = sorted(set(rng.integers(len(script), size=8).tolist()) | {0})
    return SUBTITLES + "".join(f"{script[i]}\n" for i in picked)


@dataclass(frozen=True)
class Watching:
    """How lessons about clips are drawn: which plots (and their share), how questions are asked,
    the share of clips whose subtitles are shown, and whether all frames are one and the same."""

    ask: Ask
    plots: tuple[Plot, ...] = PLOTS
    weights: tuple[float, ...] = (0.3, 0.4, 0.3)
    narrated: float = 0.0
    frozen: bool = False

    def lesson(self, count: int, rng: np.random.Generator) -> Lesson:
        """A clip seen in ``count`` frames, and every question that those frames answer."""
        times = sampled(count, rng)
        if self.frozen:
            times[:] = rng.choice(times)
        flash = None
        if rng.random() < 0.5:  # mostly one that some frame meets
            meets = rng.random() < 0.8
            flash = (float(rng.choice(times)) if meets else rng.random()) - rng.uniform(0, 0.125)
        plot = self.plots[rng.choice(len(self.plots), p=self.weights)]
        scene = imagine(rng, plot, flash=flash)
        asked = [q for q in queries(scene, rng) if answerable(q, scene, times)]
        prefix = "USER: <video>" if self.ask is spoken else "USER: <video>\n"
        if rng.random() < self.narrated:
            animal = str(rng.choice(ANIMALS)) if rng.random() < 0.6 else None
            prefix += subtitles(animal, rng)
            asked += [about_subtitles(animal)] if animal else []
        prefix += "" if self.ask is spoken else INSTRUCTION
        branches = tuple(branch for query in asked for branch in self.ask(query, rng))
        return Lesson(prefix, branches, render(scene, times, IMAGE_SIDE))


@dataclass(frozen=True, eq=False)
class Batch:
    """Lessons as tensors. ``ids``, ``positions`` and ``branch`` are int64 [B, L] (branch 0 is the
    prefix, −1 padding); ``pixels`` float32 [B, T, 3, 32, 32]; ``at`` and ``target`` int64 [N]:
    the flat places (into B × L) whose next token is taught, and that token; ``group`` int64 [N]
    numbers the branches over the whole batch."""

    ids: torch.Tensor
    positions: torch.Tensor
    branch: torch.Tensor
    pixels: torch.Tensor | None
    at: torch.Tensor
    target: torch.Tensor
    group: torch.Tensor

    def mask(self) -> torch.Tensor:
        """Who sees whom, bool [B, 1, L, L]: causally, the prefix and one's own branch."""
        own, other = self.branch[:, :, None], self.branch[:, None, :]
        causal = torch.ones(self.ids.shape[1], self.ids.shape[1], dtype=torch.bool).tril()
        return (((other == 0) | (own == other)) & causal)[:, None]


class _Row:
    """One lesson as lists of ids, positions and branch numbers."""

    def __init__(self, prefix: list[int]) -> None:
        self.ids, self.shared = prefix, len(prefix)
        self.positions, self.branch = list(range(len(prefix))), [0] * len(prefix)

    def branch_off(self, question: list[int], answer: list[int]) -> int:
        """Appends a branch; the place whose next token is the answer's first."""
        first, size = len(self.ids) + len(question) - 1, len(question) + len(answer)
        self.branch += [max(self.branch) + 1] * size
        self.ids += question + answer
        self.positions += range(self.shared, self.shared + size)
        return first


def _padded(rows: list[list[int]], length: int, fill: int) -> torch.Tensor:
    return torch.tensor([row + [fill] * (length - len(row)) for row in rows])


@dataclass
class Packer:
    """Turns lessons into batches; ``noise`` is the frames' grain (standard deviation, of 255)."""

    tokenizer: PreTrainedTokenizerFast
    noise: float = 3.0
    _ids: dict[str, list[int]] = field(default_factory=dict)

    def encode(self, text: str) -> list[int]:
        """Token ids without <s>; lines are kept, as they come back again and again."""
        ids: list[int] = []
        for line in text.splitlines(keepends=True):
            if line not in self._ids:
                self._ids[line] = self.tokenizer(line, add_special_tokens=False).input_ids
            ids += self._ids[line]
        return ids

    def _prefix(self, lesson: Lesson) -> list[int]:
        ids = self.encode(lesson.prefix)
        if lesson.frames is not None:
            at = ids.index(self.tokenizer.video_token_id)
            ids[at : at + 1] = [ids[at]] * (FRAME_TOKENS * len(lesson.frames))
        return [self.tokenizer.bos_token_id, *ids]

    def pack(self, lessons: Iterable[Lesson], rng: np.random.Generator) -> Batch:
        """One batch of lessons that all show the same number of frames (or none)."""
        lessons = list(lessons)
        rows: list[_Row] = []
        taught: list[tuple[int, int, int, int]] = []
        for lesson in lessons:
            row = _Row(self._prefix(lesson))
            for part in lesson.branches:
                answer = [*self.encode(part.answer), self.tokenizer.eos_token_id]
                first = row.branch_off(self.encode(part.text), answer)
                group = taught[-1][3] + 1 if taught else 0
                taught += [(len(rows), first + i, token, group) for i, token in enumerate(answer)]
            rows.append(row)
        length = max(len(row.ids) for row in rows)
        place, at, target, groups = (torch.tensor(column) for column in zip(*taught, strict=True))
        return Batch(
            _padded([row.ids for row in rows], length, self.tokenizer.pad_token_id),
            _padded([row.positions for row in rows], length, 0),
            _padded([row.branch for row in rows], length, -1),
            self._pixels(lessons, rng),
            place * length + at,
            target,
            groups,
        )

    def _pixels(self, lessons: list[Lesson], rng: np.random.Generator) -> torch.Tensor | None:
        shown = [lesson.frames for lesson in lessons if lesson.frames is not None]
        if not shown:
            return None
        grain = rng.standard_normal((len(shown), *shown[0].shape), dtype=np.float32)
        noisy = np.stack(shown) + grain * self.noise * rng.random()
        return normalised(noisy.clip(0, 255))


def normalised(frames: NDArray[np.float32]) -> torch.Tensor:
    """Frames [..., T, H, W, 3] in 0..255 as CLIP wants them: float32 [..., T, 3, H, W]."""
    mean, deviation = (np.array(v, np.float32) for v in (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD))
    scaled = (frames / 255 - mean) / deviation
    return torch.from_numpy(np.moveaxis(scaled, -1, -3).copy())
