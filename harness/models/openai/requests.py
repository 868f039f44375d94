"""A prompt as the body of a request to ``/chat/completions``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.errors import RequestError
from harness.models.openai.checks import MOST_LOGPROBS
from harness.models.openai.dialects import Dialect
from harness.models.openai.encoded import Body, Encoded, Shown
from harness.models.openai.errors import Refused
from harness.scoring.options import LETTERS
from harness.types import JSON, Generation, Prompt, Text, Turn, Video

CLOCK = 1000
"""Ticks a second of the clock that times are told on: vLLM takes frame numbers and a rate."""


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

    def body(
        self, prompt: Prompt, encoded: Encoded, generation: Generation, by_name: bool = False
    ) -> Body:
        """The request as JSON, ``by_name`` without the bytes of frames that have names. Raises
        Refused when this kind of server cannot be asked so."""
        turns = prompt.turns
        if self.system is not None and turns[0].role != "system":
            turns = (Turn("system", (Text(self.system),)), *turns)
        told = self._times(prompt, encoded)
        beside = json.dumps(told | dict(self.extra), sort_keys=True)
        messages = [self._message(turn, encoded, by_name, beside) for turn in turns]
        body: dict[str, Any] = {"model": self.model, "messages": messages, "stream": False}
        body |= self._generation(prompt, generation) | dict(self.dialect.body)
        if prompt.turns[-1].role == "assistant":
            if self.dialect.primer is None:
                raise Refused("this kind of server cannot continue a begun answer", "prompt")
            body |= self.dialect.primer
        body |= told | dict(self.extra)
        # what a setting says is null is left out: some hosted models take no temperature
        sent = {key: value for key, value in body.items() if value is not None}
        return encoded.body(json.dumps(sent, ensure_ascii=False, allow_nan=False))

    def _message(self, turn: Turn, encoded: Encoded, by_name: bool, beside: str) -> dict[str, Any]:
        if all(isinstance(part, Text) for part in turn.parts):
            text = "".join(part.text for part in turn.parts if isinstance(part, Text))
            return {"role": turn.role, "content": text}
        content = [made for part in turn.parts for made in encoded.parts(part, by_name, beside)]
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
        """vLLM's settings for videos: no frame is left out, and in its container each has its own
        time. A server that trusts no request with them refuses them all, so there are none
        without ``tell_times``."""
        clips = [part for turn in prompt.turns for part in turn.parts if isinstance(part, Video)]
        shown = self.shown
        if not clips or not self.dialect.container or shown.frames_as == "images":
            return {}
        if not shown.tell_times:
            return {}
        settings: dict[str, Any] = {"num_frames": -1}
        if shown.frames_as == "frames":
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


def seed(base: int, key: str) -> int:
    """A seed of a question's own, so that others do not change its answer: 31 bits."""
    return int.from_bytes(hashlib.sha256(f"{base}/{key}".encode()).digest()[:4], "big") >> 1
