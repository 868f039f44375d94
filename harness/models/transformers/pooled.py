"""LLaVA-NeXT's own ways of showing a clip, as published: pooled frames, or each frame an image.

A prompt becomes one array of int64: a token's id, or -1 - s where the features of the picture in
slot s of the sample's ``Pictures`` go; then what the model's ``forward`` takes. The checkpoint's
processor is not asked: it has no AnyRes frames, and image-only checkpoints have no video.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from harness.errors import RequestError
from harness.models.transformers.chat import ChatTemplate, Content, Message
from harness.models.transformers.pictures import Pictures, PreparedPixels
from harness.models.transformers.pixels import Preprocessor
from harness.models.transformers.written import (
    Tokens,
    Written,
    escaped,
    letter_tokens,
    special_tokens,
)
from harness.types import Failure, Image, Part, Pixels, Prompt, Sample, Text, Turn, Video

VIDEO, IMAGE = "<video>", "<image>"


@dataclass(frozen=True, eq=False)
class PooledWriter:
    """Writes prompts as LLaVA-NeXT(-Video) reads them (see ``Writer``).

    ``system`` is said first where a prompt has no system turn of its own; ``anyres_tokens`` counts
    an image's tokens from its (height, width).
    """

    tokenizer: Any
    template: ChatTemplate
    preprocessor: Preprocessor
    video_id: int
    image_id: int
    tokens_per_frame: int
    anyres_tokens: Callable[[int, int], int]
    frames_as: Literal["pooled_video", "anyres"] = "pooled_video"
    system: str | None = None

    def write(self, sample: Sample, letters: bool) -> list[Written | Failure]:
        """Every prompt; a RequestError is that prompt's failure. Raises ModelError."""
        frames = frames_of(sample)
        pictures = Pictures(len(frames), (frames.shape[1], frames.shape[2]))
        prepared = PreparedPixels(self.preprocessor, frames, pictures)
        written: list[Written | Failure] = []
        for prompt in sample.prompts:
            try:
                written.append(self._write(prompt, pictures, prepared, letters))
            except RequestError as error:
                written.append(Failure(prompt.key, "prompt", str(error)))
        return written

    def count(self, prompts: Sequence[Prompt], frames: int) -> list[int]:
        """Each prompt's length in tokens; AnyRes frames, whose size is not known, take most."""
        pictures = Pictures(frames, self._largest if self.frames_as == "anyres" else (0, 0))
        return [len(self.tokens(prompt, pictures)) for prompt in prompts]

    def picture_sizes(self, frames: int) -> tuple[int, ...]:
        """How many numbers each picture of so many frames is to the vision tower; AnyRes frames
        take most."""
        side = self.preprocessor.side
        tiles = 1
        if self.frames_as == "anyres":
            tiles += max(h // side * (w // side) for h, w in self.preprocessor.pinpoints)
        return (3 * side * side,) * (frames * tiles)

    @cached_property
    def _special(self) -> list[str]:
        """What must not stand in a question's text: pictures, and borders of turns."""
        special = special_tokens(self.tokenizer)
        return [mark for mark in dict.fromkeys([VIDEO, IMAGE, *special]) if len(mark) > 1]

    @cached_property
    def _largest(self) -> tuple[int, int]:
        """The size (height, width) of an image that takes most tokens."""
        return max(self.preprocessor.pinpoints, key=lambda size: self.anyres_tokens(*size))

    def tokens(self, prompt: Prompt, pictures: Pictures) -> Tokens:
        """The prompt as the model reads it; its pictures are added to ``pictures``.

        Raises ModelError when the chat template loses a part of it.
        """
        prompt, _ = escaped(prompt, self._special)
        ids = self.encode(self.render(prompt, pictures.frames))
        shown = [
            picture
            for turn in prompt.turns
            for part in turn.parts
            for picture in self._pictures(part, pictures)
        ]
        places = [place for place, i in enumerate(ids) if i in (self.video_id, self.image_id)]
        if len(places) != len(shown):
            raise RequestError(
                f"question {prompt.key}: the prompt shows {len(shown)} pictures, its tokens "
                f"{len(places)}: its parts or the chat template make up {VIDEO} or {IMAGE}"
            )
        pieces: list[Tokens] = []
        start = 0
        for place, slots in zip(places, shown, strict=True):
            pieces.append(np.array(ids[start:place], np.int64))
            pieces += [np.full(count, -1 - slot, np.int64) for slot, count in slots]
            start = place + 1
        return np.concatenate([*pieces, np.array(ids[start:], np.int64)])

    def encode(self, rendered: str) -> list[int]:
        """Token ids of a rendered prompt, with one beginning-of-sequence token, not two."""
        bos = self.tokenizer.bos_token
        has_bos = bool(bos) and rendered.startswith(bos)
        return list(self.tokenizer(rendered, add_special_tokens=not has_bos)["input_ids"])

    def render(self, prompt: Prompt, frames: int) -> str:
        """The prompt through the chat template, each picture still a single mark."""
        turns = list(prompt.turns)
        if self.system is not None and turns[0].role != "system":
            turns.insert(0, Turn("system", (Text(self.system),)))
        messages = [self._message(turn, frames) for turn in turns]
        return self.template.render(messages, prompt.key)

    def _write(
        self, prompt: Prompt, pictures: Pictures, prepared: PreparedPixels, letters: bool
    ) -> Written:
        import torch

        prompt, notes = escaped(prompt, self._special)
        tokens = self.tokens(prompt, pictures)
        ids = tokens.copy()
        slots: list[int] = []
        for place in np.flatnonzero(tokens < 0):
            slot = -1 - int(tokens[place])
            ids[place] = self.video_id if pictures.shown[slot][0] == "pooled" else self.image_id
            if place == 0 or tokens[place - 1] != tokens[place]:
                slots.append(slot)
        rendered = self.render(prompt, pictures.frames)
        found = letter_tokens(prompt, rendered, self.encode) if letters else None
        inputs = {"input_ids": torch.from_numpy(ids)[None]}
        inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
        return Written(prompt, ids, inputs | prepared.inputs(slots), found, notes=notes)

    def _message(self, turn: Turn, frames: int) -> Message:
        """A turn as text, each picture a mark on its own line: as LLaVA-NeXT was trained."""
        spelled = ""
        for part in turn.parts:
            if isinstance(part, Text):
                spelled += part.text
            elif isinstance(part, Video) and self.frames_as == "pooled_video":
                spelled += f"{VIDEO}\n"
            elif isinstance(part, Video):
                spelled += f"{IMAGE}\n" * len(range(frames)[part.start : part.stop])
            else:
                spelled += f"{IMAGE}\n"
        content: Content = {"type": "text", "text": spelled}
        return turn.role, [content]

    def _pictures(self, part: Part, pictures: Pictures) -> list[list[tuple[int, int]]]:
        """For each mark of a part, the slots that fill it and how many tokens each takes."""
        if isinstance(part, Image):
            count = self.anyres_tokens(*part.pixels.shape[:2])
            return [[(pictures.slot("still", part.pixels), count)]]
        if not isinstance(part, Video):
            return []
        numbers = range(pictures.frames)[part.start : part.stop]
        if self.frames_as == "pooled_video":
            return [[(pictures.slot("pooled", n), self.tokens_per_frame) for n in numbers]]
        count = self.anyres_tokens(*pictures.size)
        return [[(pictures.slot("anyres", n), count)] for n in numbers]


def anyres_tokens(config: Any, height: int, width: int) -> int:
    """How many tokens the model makes of an image of this size, by the model's own functions."""
    import torch

    from harness.models.transformers.library import transformers

    functions = transformers.models.llava_next_video.modeling_llava_next_video
    vision = config.vision_config
    side = vision.image_size // vision.patch_size
    rows, columns = functions.get_anyres_image_grid_shape(
        (height, width), [list(p) for p in config.image_grid_pinpoints], vision.image_size
    )
    tiles = torch.empty(1, rows * side, columns * side, device="meta")
    _, rows, columns = functions.unpad_image(tiles, (height, width)).shape
    return int(side * side + rows * (columns + 1))  # overview, tiles, a newline behind each row


def frames_of(sample: Sample) -> Pixels:
    """A sample's frames, uint8 [T, H, W, 3]; none of no size where it is text only."""
    return np.empty((0, 0, 0, 3), np.uint8) if sample.frames is None else sample.frames.pixels
