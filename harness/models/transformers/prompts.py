"""Prompts to token ids: the checkpoint's chat template, then each picture's place held open.

A prompt becomes one array of int64: a token's id, or -1 - s where the features of the picture in
slot s of the clip's ``Gallery`` go. Two prompts share a prefix exactly when their arrays do: the
same token standing for another picture is another number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from harness.errors import ModelError, RequestError
from harness.types import Image, Part, Pixels, Prompt, Text, Turn, Video

Tokens = NDArray[np.int64]
FramesAs = Literal["pooled_video", "anyres"]
Kind = Literal["pooled", "anyres", "still"]

VIDEO, IMAGE = "<video>", "<image>"


@dataclass
class Gallery:
    """What a clip's prompts show, each picture once.

    ``frames`` frames of ``size`` (height, width) are there to be shown; ``shown[s]`` is what
    slot s holds: a pooled frame, a frame as an AnyRes image (by frame number), or a still
    (by number in ``stills``).
    """

    frames: int
    size: tuple[int, int]
    shown: list[tuple[Kind, int]] = field(default_factory=list)
    stills: list[Pixels] = field(default_factory=list)
    _slots: dict[tuple[str, object], int] = field(default_factory=dict)

    def slot(self, kind: Kind, what: int | Pixels) -> int:
        """The slot of a frame (by number) or of a still (by its pixels)."""
        if isinstance(what, int):
            key: tuple[str, object] = (kind, what)
        else:
            key = (kind, (what.shape, hashlib.sha256(what.tobytes()).digest()))
        if key not in self._slots:
            self._slots[key] = len(self.shown)
            if not isinstance(what, int):
                self.stills.append(what)
                what = len(self.stills) - 1
            self.shown.append((kind, what))
        return self._slots[key]


@dataclass(frozen=True)
class Writer:
    """Writes prompts as one model reads them.

    ``template`` is the chat template's Jinja source; ``system`` is said first where a prompt has
    no system turn of its own; ``anyres_tokens`` counts an image's tokens from its (height, width).
    """

    tokenizer: Any
    template: str
    video_id: int
    image_id: int
    tokens_per_frame: int
    anyres_tokens: Callable[[int, int], int]
    frames_as: FramesAs = "pooled_video"
    system: str | None = None

    def tokens(self, prompt: Prompt, gallery: Gallery) -> Tokens:
        """The prompt as the model reads it; its pictures are put into the gallery.

        Raises RequestError when the prompt's text holds the model's own picture tokens, and
        ModelError when the chat template loses a part of it.
        """
        ids = self.encode(self.render(prompt, gallery.frames))
        pictures = [
            picture
            for turn in prompt.turns
            for part in turn.parts
            for picture in self._pictures(part, gallery)
        ]
        places = [place for place, i in enumerate(ids) if i in (self.video_id, self.image_id)]
        if len(places) != len(pictures):
            raise RequestError(
                f"question {prompt.question.id}: the prompt shows {len(pictures)} pictures, its "
                f"tokens {len(places)}: its text holds the model's own {VIDEO} or {IMAGE}"
            )
        pieces: list[Tokens] = []
        start = 0
        for place, slots in zip(places, pictures, strict=True):
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
        messages = [(turn.role, self._spell(turn, frames)) for turn in turns]
        wrong = ""
        for attempt in (self._apply, self._apply_system_in_front, self._apply_system_in_user):
            try:
                rendered = attempt(messages)
            except _template_errors() as error:
                wrong = wrong or str(error)
                continue
            unlike = _miscounted(messages, rendered)
            if not unlike:
                return rendered
            wrong = wrong or unlike
            if messages[0][0] != "system":
                break
        raise ModelError(
            f"the chat template does not say each part of question {prompt.question.id} once "
            f"({wrong[:80]!r}): write model.chat_template=FILE for one that does"
        )

    def letter_tokens(self, prompt: Prompt, frames: int, letters: str) -> dict[str, list[int]]:
        """For each letter the tokens that say it right behind the prompt ("A" and " A").

        Raises RequestError when there are no letters, one has no token, or two share one.
        """
        if not letters:
            raise RequestError(
                f"question {prompt.question.id} has no options to compare: use decoding=greedy"
            )
        rendered = self.render(prompt, frames)
        base = self.encode(rendered)
        found: dict[str, list[int]] = {}
        for letter in letters:
            tails = [self.encode(rendered + form) for form in (letter, f" {letter}")]
            # where " A" takes two tokens, the first is only a space and says no letter
            found[letter] = sorted({tail[-1] for tail in tails if tail[:-1] == base})
        flat = [token for tokens in found.values() for token in tokens]
        if len(set(flat)) != len(flat) or not all(found.values()):
            raise RequestError(
                f"question {prompt.question.id}: its letters cannot be told apart by the token "
                "behind the prompt: use decoding=greedy"
            )
        return found

    def _apply(self, messages: Sequence[tuple[str, str]]) -> str:
        primed = messages[-1][0] == "assistant" and bool(messages[-1][1])
        if messages[-1][0] == "assistant" and not primed:
            messages = messages[:-1]
        conversation = [
            {"role": role, "content": [{"type": "text", "text": text}]} for role, text in messages
        ]
        return str(
            self.tokenizer.apply_chat_template(
                conversation,
                chat_template=self.template,
                tokenize=False,
                add_generation_prompt=not primed,
                continue_final_message=primed,
            )
        )

    def _apply_system_in_front(self, messages: Sequence[tuple[str, str]]) -> str:
        """For templates that say the system turn twice, as the converted Vicuna ones do: it is
        put in front as the original code (vicuna_v1) has it. Not for templates with roles of
        their own for it, which say it once, nor for those that know none."""
        (role, system), *rest = messages
        if role != "system" or self._apply(messages).count(system.strip()) < 2:
            return ""
        rendered = self._apply(rest)
        bos = self.tokenizer.bos_token or ""
        start = len(bos) if bos and rendered.startswith(bos) else 0
        return f"{rendered[:start]}{system.strip()} {rendered[start:]}"

    def _apply_system_in_user(self, messages: Sequence[tuple[str, str]]) -> str:
        """For templates without a system role (Mistral's): it opens the first user turn."""
        (_, system), (role, text), *rest = messages
        return self._apply([(role, f"{system}\n{text}"), *rest])

    def _spell(self, turn: Turn, frames: int) -> str:
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
        return spelled

    def _pictures(self, part: Part, gallery: Gallery) -> list[list[tuple[int, int]]]:
        """For each mark of a part, the slots that fill it and how many tokens each takes."""
        if isinstance(part, Image):
            count = self.anyres_tokens(*part.pixels.shape[:2])
            return [[(gallery.slot("still", part.pixels), count)]]
        if not isinstance(part, Video):
            return []
        numbers = range(gallery.frames)[part.start : part.stop]
        if self.frames_as == "pooled_video":
            return [[(gallery.slot("pooled", n), self.tokens_per_frame) for n in numbers]]
        count = self.anyres_tokens(*gallery.size)
        return [[(gallery.slot("anyres", n), count)] for n in numbers]


def common_prefix(prompts: Sequence[Tokens]) -> int:
    """How many tokens all prompts begin with; at least one of each is left out of it.

    >>> common_prefix([np.array([1, -1, -1, 5]), np.array([1, -1, -1, 6, 7])])
    3
    """
    longest = min(len(tokens) for tokens in prompts) - 1
    first = prompts[0][:longest]
    differs = np.zeros(longest, bool)
    for tokens in prompts[1:]:
        differs |= tokens[:longest] != first
    return int(differs.argmax()) if differs.any() else longest


def _miscounted(messages: Sequence[tuple[str, str]], rendered: str) -> str:
    """The first text that the template lost, or the system turn where it repeats it; else empty."""
    texts = [text.strip() for _, text in messages]
    lost = next((text for text in texts if text not in rendered), "")
    if lost or messages[0][0] != "system" or not texts[0]:
        return lost
    expected = sum(text.count(texts[0]) for text in texts)
    return texts[0] if rendered.count(texts[0]) > expected else ""


def _template_errors() -> tuple[type[Exception], ...]:
    from jinja2.exceptions import TemplateError

    return (TemplateError,)
