"""Lessons and frames as Qwen2.5-VL takes them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from transformers import Qwen2VLVideoProcessor

from training.checkpoint import FRAME_TOKENS, IMAGE_SIDE, PATCH
from training.lessons import Lesson
from training.packing import Packer, Place, alike

START, END = "<vision_start>", "<vision_end>"
PER_SECOND = 2  # positions of time in a second
GRID = IMAGE_SIDE // PATCH
SIZE = {"shortest_edge": IMAGE_SIDE**2, "longest_edge": IMAGE_SIDE**2}


class QwenPacker(Packer):
    """Lessons as Qwen2.5-VL is told them: two frames a picture, positions with three axes."""

    def prefix(self, lesson: Lesson) -> tuple[list[int], list[Place]]:
        """<video> becomes the marks around all tokens; text goes on behind the larger edge."""
        ids = [self.tokenizer.bos_token_id, *self.encode(lesson.prefix)]
        if lesson.frames is None:
            return ids, alike(0, len(ids))
        at = ids.index(self.tokenizer.video_token_id)
        pairs, count = (len(lesson.frames) + 1) // 2, len(lesson.frames)
        interval = PER_SECOND * 2 * lesson.seconds / count
        start, edge = at + 1, GRID // 2
        positions = alike(0, start)
        positions += [
            (start + int(pair * interval), start + row, start + column)
            for pair in range(pairs)
            for row in range(edge)
            for column in range(edge)
        ]
        begin, end = (self.tokenizer.convert_tokens_to_ids(mark) for mark in (START, END))
        after = ids[at + 1 :]
        positions += alike(start + edge, len(after) + 1)
        return [*ids[:at], begin, *[ids[at]] * (FRAME_TOKENS * pairs), end, *after], positions

    def notes(self, ids: list[int], lesson: Lesson) -> Iterator[tuple[int, int]]:
        """The tokens of each two frames, and the word for the later one."""
        for pair in range((len(lesson.notes) + 1) // 2):
            note = lesson.notes[min(2 * pair + 1, len(lesson.notes) - 1)]
            begin = ids.index(self.tokenizer.video_token_id) + FRAME_TOKENS * pair
            for word in self.encode(note):
                yield from ((begin + i, word) for i in range(FRAME_TOKENS))

    def positions(self, axes: list[torch.Tensor]) -> torch.Tensor:
        """All three axes [3, B, L]."""
        return torch.stack(axes)

    def see(
        self, lessons: list[Lesson], rng: np.random.Generator
    ) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """Patches [B × pairs × 16, 384] and the grid of each lesson."""
        frames = self.grainy(lessons, rng)
        return (None, None) if frames is None else patches(frames)


def patches(frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Frames [B, T, 3, 32, 32] as the processor's patches [B × pairs × 16, 384] and the grids
    [B, 3] (transformers' Qwen2VLVideoProcessor.patchify)."""
    eyes = Qwen2VLVideoProcessor(patch_size=PATCH, size=SIZE)
    flat, *grid = eyes.patchify(frames, patch_size=PATCH, merge_size=2, temporal_patch_size=2)
    return flat.flatten(0, 1), torch.tensor([grid] * len(frames))
