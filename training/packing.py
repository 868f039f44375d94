"""Lessons as tensors: shared prefixes, branches that do not see each other, and their mask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast
from transformers.utils.constants import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

from training.checkpoint import FRAME_TOKENS
from training.lessons import Lesson

MEANT = 4  # the layer by which a question's answer should be known


@dataclass(frozen=True, eq=False)
class Batch:
    """Lessons as tensors. ``ids`` and ``branch`` are int64 [B, L] (branch 0 is the prefix, −1
    padding), ``positions`` too or, with three axes, [3, B, L]; ``pixels`` are what the model's
    ``get_video_features`` takes, float32 [B, T, 3, 32, 32] or patches, with their ``grid``;
    ``at`` and ``target`` int64 [N]:
    the flat places (into B × L) whose next token is taught, and that token; ``group`` int64 [N]
    numbers the branches over the whole batch. ``hints``: for a layer of the language model the flat
    places (int64 [M]) at which it is told what it should know by then, and the word's token."""

    ids: torch.Tensor
    positions: torch.Tensor
    branch: torch.Tensor
    pixels: torch.Tensor | None
    at: torch.Tensor
    target: torch.Tensor
    group: torch.Tensor
    hints: dict[int, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict)
    grid: torch.Tensor | None = None

    def mask(self) -> torch.Tensor:
        """Who sees whom, bool [B, 1, L, L]: causally, the prefix and one's own branch."""
        own, other = self.branch[:, :, None], self.branch[:, None, :]
        causal = torch.ones(self.ids.shape[1], self.ids.shape[1], dtype=torch.bool).tril()
        return (((other == 0) | (own == other)) & causal)[:, None]


Place = tuple[int, int, int]


class _Row:
    """One lesson as lists of ids, positions (time, height, width) and branch numbers."""

    def __init__(self, prefix: list[int], positions: list[Place]) -> None:
        self.ids, self.positions = prefix, positions
        self.next = positions[-1][0] + 1  # prefixes end in text, whose axes are alike
        self.branch = [0] * len(prefix)

    def branch_off(self, question: list[int], answer: list[int]) -> int:
        """Appends a branch; the place whose next token is the answer's first."""
        first, size = len(self.ids) + len(question) - 1, len(question) + len(answer)
        self.branch += [max(self.branch) + 1] * size
        self.ids += question + answer
        self.positions += alike(self.next, size)
        return first


def alike(first: int, size: int) -> list[Place]:
    """The positions of text: the same on all axes."""
    return [(at, at, at) for at in range(first, first + size)]


def _padded(rows: list[list[int]], length: int, fill: int) -> torch.Tensor:
    return torch.tensor([row + [fill] * (length - len(row)) for row in rows])


def _flat(told: list[tuple[int, int, int]], length: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Hints (row, place, word's token) as places in the flattened batch, and tokens."""
    row, place, word = torch.tensor(told).T
    return row * length + place, word


@dataclass
class Packer:
    """Turns lessons into batches; ``noise`` is the frames' grain (standard deviation, of 255),
    ``noted`` the layer by which a frame's note should be known."""

    tokenizer: PreTrainedTokenizerFast
    noise: float = 3.0
    noted: int = 3
    _ids: dict[str, list[int]] = field(default_factory=dict)

    def encode(self, text: str) -> list[int]:
        """Token ids without <s>; lines are kept, as they come back again and again."""
        ids: list[int] = []
        for line in text.splitlines(keepends=True):
            if line not in self._ids:
                self._ids[line] = self.tokenizer(line, add_special_tokens=False).input_ids
            ids += self._ids[line]
        return ids

    def prefix(self, lesson: Lesson) -> tuple[list[int], list[Place]]:
        """The prefix's ids and positions, <video> replaced by the frames' tokens."""
        ids = self.encode(lesson.prefix)
        if lesson.frames is not None:
            at = ids.index(self.tokenizer.video_token_id)
            ids[at : at + 1] = [ids[at]] * (FRAME_TOKENS * len(lesson.frames))
        return [self.tokenizer.bos_token_id, *ids], alike(0, len(ids) + 1)

    def pack(self, lessons: Iterable[Lesson], rng: np.random.Generator) -> Batch:
        """One batch of lessons that all show the same number of frames (or none)."""
        lessons = list(lessons)
        rows: list[_Row] = []
        taught: list[tuple[int, int, int, int]] = []
        hints: dict[int, list[tuple[int, int, int]]] = {self.noted: [], MEANT: []}
        for number, lesson in enumerate(lessons):
            row = _Row(*self.prefix(lesson))
            hints[self.noted] += [(number, at, word) for at, word in self.notes(row.ids, lesson)]
            for part in lesson.branches:
                question = self.encode(part.text)
                answer = [*self.encode(part.answer), self.tokenizer.eos_token_id]
                first = row.branch_off(question, answer)
                group = taught[-1][3] + 1 if taught else 0
                taught += [(number, first + i, token, group) for i, token in enumerate(answer)]
                hints[MEANT] += [(number, first, word) for word in self.encode(part.word)]
            rows.append(row)
        length = max(len(row.ids) for row in rows)
        pixels, grid = self.see(lessons, rng)
        place, at, target, groups = torch.tensor(taught).T
        return Batch(
            _padded([row.ids for row in rows], length, self.tokenizer.pad_token_id),
            self.positions(
                [
                    _padded([[p[axis] for p in row.positions] for row in rows], length, 0)
                    for axis in range(3)
                ]
            ),
            _padded([row.branch for row in rows], length, -1),
            pixels,
            place * length + at,
            target,
            groups,
            {layer: _flat(told, length) for layer, told in hints.items() if told},
            grid,
        )

    def positions(self, axes: list[torch.Tensor]) -> torch.Tensor:
        """From each axis' positions [B, L] to what the model takes."""
        return axes[0]

    def notes(self, ids: list[int], lesson: Lesson) -> Iterator[tuple[int, int]]:
        """The places of the frames that have a note, all their tokens, and its word."""
        for number, note in enumerate(lesson.notes):
            begin = ids.index(self.tokenizer.video_token_id) + FRAME_TOKENS * number
            for word in self.encode(note):
                yield from ((begin + i, word) for i in range(FRAME_TOKENS))

    def see(
        self, lessons: list[Lesson], rng: np.random.Generator
    ) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """The frames of all lessons as ``Batch`` has them (``pixels`` and ``grid``)."""
        return self.grainy(lessons, rng), None

    def grainy(self, lessons: list[Lesson], rng: np.random.Generator) -> torch.Tensor | None:
        """The frames with noise, float32 [B, T, 3, 32, 32]."""
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
