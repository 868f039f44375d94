"""A prompt as the body of a request to ``/chat/completions``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from harness.errors import RequestError
from harness.models.openai import pictures
from harness.models.openai.dialects import Dialect, FramesAs
from harness.models.openai.errors import Refused
from harness.scoring.options import LETTERS
from harness.types import JSON, Generation, Image, Part, Prompt, Sample, Text, Turn, Video

MOST_LOGPROBS = 20
CLOCK = 1000
"""Ticks a second of the clock that times are told on: vLLM takes frame numbers and a rate."""


@dataclass(frozen=True)
class Shown:
    """How clips are shown; see ``OpenAI``."""

    frames_as: FramesAs
    picture: pictures.Picture
    jpeg_quality: int
    video_codec: pictures.Codec
    frame_text: str
    tell_times: bool


@dataclass(frozen=True)
class Writer:
    """Writes requests to one served model, as its kind of server takes them."""

    model: str
    dialect: Dialect
    shown: Shown
    structured_choices: bool = False
    extra: Mapping[str, JSON] = field(default_factory=dict)
    system: str | None = None

    def check(self, generation: Generation) -> None:
        """Raises RequestError for what this kind of server does not offer."""
        default = Generation()
        asked = [name for name in _SAMPLING if getattr(generation, name) != getattr(default, name)]
        wrong = [name for name in asked if name not in self.dialect.sampling]
        if generation.beams > 1:
            wrong.append("beams")
        if wrong:
            raise RequestError(
                f"generation.{wrong[0]}: a server of the kind {self.dialect.name!r} does not take "
                "it; leave it out, or name the right backend.dialect"
            )
        if self.structured_choices and self.dialect.choice == "none":
            raise RequestError(
                f"backend.structured_choices: not with a server of the kind {self.dialect.name!r}"
            )

    def body(self, prompt: Prompt, encoded: Encoded, generation: Generation) -> bytes:
        """The request as JSON. Raises Refused when this kind of server cannot be asked so."""
        turns = prompt.turns
        if self.system is not None and turns[0].role != "system":
            turns = (Turn("system", (Text(self.system),)), *turns)
        messages = [self._message(turn, encoded) for turn in turns]
        body: dict[str, Any] = {"model": self.model, "messages": messages, "stream": False}
        body |= self._generation(prompt, generation) | dict(self.dialect.body)
        if prompt.turns[-1].role == "assistant":
            if self.dialect.primer is None:
                raise Refused("this kind of server cannot continue a begun answer", "prompt")
            body |= self.dialect.primer
        body |= self._times(prompt, encoded)
        body |= self.extra
        # what a setting says is null is left out: some hosted models take no temperature
        sent = {key: value for key, value in body.items() if value is not None}
        return json.dumps(sent, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")

    def _message(self, turn: Turn, encoded: Encoded) -> dict[str, Any]:
        if all(isinstance(part, Text) for part in turn.parts):
            text = "".join(part.text for part in turn.parts if isinstance(part, Text))
            return {"role": turn.role, "content": text}
        content = [made for part in turn.parts for made in encoded.parts(part)]
        return {"role": turn.role, "content": content}

    def _generation(self, prompt: Prompt, generation: Generation) -> dict[str, Any]:
        body: dict[str, Any] = {"temperature": generation.temperature}
        body["max_tokens"] = 1 if generation.letters else generation.max_new_tokens
        default = Generation()
        for name in ("top_p", "presence_penalty", *self.dialect.sampling):
            if getattr(generation, name) != getattr(default, name):
                body[name] = getattr(generation, name)
        if generation.temperature > 0:
            body["seed"] = seed(generation.seed, prompt.key)
        if generation.letters:
            body |= {"temperature": 0.0, "logprobs": True, "top_logprobs": MOST_LOGPROBS}
        letters = LETTERS[: len(prompt.question.options)]
        if self.structured_choices and letters:
            if self.dialect.choice == "regex":
                body["regex"] = f"({'|'.join(letters)})"
            else:
                body["structured_outputs"] = {"choice": list(letters)}
        return body

    def _times(self, prompt: Prompt, encoded: Encoded) -> dict[str, Any]:
        """vLLM's settings for the container: no frame is left out, and each has its own time."""
        clips = [part for turn in prompt.turns for part in turn.parts if isinstance(part, Video)]
        if not clips or not self.dialect.container or self.shown.frames_as == "images":
            return {}
        settings: dict[str, Any] = {"num_frames": -1}
        if self.shown.tell_times and self.shown.frames_as == "frames":
            if len(clips) > 1:
                raise Refused(
                    "a server takes the times of one video only and this prompt shows the clip in "
                    "pieces: backend.frames_as=images, or backend.tell_times=false",
                    "prompt",
                )
            times = encoded.times(clips[0])
            duration = max(encoded.duration, times[-1])
            settings |= {
                "fps": CLOCK,
                "frames_indices": [round(time * CLOCK) for time in times],
                "total_num_frames": max(round(duration * CLOCK), round(times[-1] * CLOCK) + 1),
                "duration": duration,
            }
        return {"media_io_kwargs": {"video": settings}}


_SAMPLING = ("top_k", "min_p", "repetition_penalty")


class Encoded:
    """A sample's frames as one server takes them, each encoded once for all its prompts."""

    def __init__(self, sample: Sample, shown: Shown) -> None:
        self._sample = sample
        self._shown = shown
        self._made: dict[tuple[int, int], list[dict[str, Any]]] = {}

    @cached_property
    def duration(self) -> float:
        """Seconds of the whole video, as far as it is known."""
        return self._sample.info.duration if self._sample.info else 0.0

    def times(self, part: Video) -> list[float]:
        """The times in seconds of the frames a part shows."""
        frames = self._sample.frames
        return [] if frames is None else frames.times[part.start : part.stop].tolist()

    def parts(self, part: Part) -> list[dict[str, Any]]:
        """A part of a turn as parts of a message's content. Raises Refused without frames."""
        shown = self._shown
        if isinstance(part, Text):
            return [{"type": "text", "text": part.text}] if part.text else []
        if isinstance(part, Image):
            return [_picture(pictures.picture_url(part.pixels, shown.picture, shown.jpeg_quality))]
        frames = self._sample.frames
        if frames is None:
            raise Refused("the prompt shows a video and there are no frames", "prompt")
        start, stop, _ = slice(part.start, part.stop).indices(len(frames.pixels))
        if start >= stop:
            return []
        if (start, stop) not in self._made:
            self._made[start, stop] = self._encode(start, stop)
        return self._made[start, stop]

    def _encode(self, start: int, stop: int) -> list[dict[str, Any]]:
        frames, shown = self._sample.frames, self._shown
        assert frames is not None
        pixels, times = frames.pixels[start:stop], frames.times[start:stop].tolist()
        if shown.frames_as == "frames":
            url = pictures.container_url(pixels, shown.picture, shown.jpeg_quality)
            return [{"type": "video_url", "video_url": {"url": url}}]
        if shown.frames_as == "video":
            url = pictures.video_url(pixels, times, shown.video_codec)
            return [{"type": "video_url", "video_url": {"url": url}}]
        made: list[dict[str, Any]] = []
        for number, (picture, time) in enumerate(zip(pixels, times, strict=True), start + 1):
            if shown.frame_text:
                text = shown.frame_text.format(number=number, time=f"{time:.1f}")
                made.append({"type": "text", "text": text})
            made.append(_picture(pictures.picture_url(picture, shown.picture, shown.jpeg_quality)))
        return made


def seed(base: int, key: str) -> int:
    """A seed of a question's own, so that others do not change its answer: 31 bits."""
    return int.from_bytes(hashlib.sha256(f"{base}/{key}".encode()).digest()[:4], "big") >> 1


def _picture(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}
