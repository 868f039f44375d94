"""A prompt as chat templates take it, and the pictures that it shows."""

from __future__ import annotations

from typing import Any, Literal

from harness.models.transformers.chat import Content, Message
from harness.models.transformers.shown import Shown
from harness.types import Image, Prompt, Text, Turn, Video


def messages_of(
    prompt: Prompt,
    shown: Shown,
    frames_as: Literal["video", "images"],
    frame_text: str,
    system: str | None,
) -> tuple[list[Message], list[tuple[int, int | None]], list[Any]]:
    """The prompt's messages; spans of frames shown as videos, and pictures, in order.

    ``frame_text`` is said before each frame where ``frames_as`` is images, ``system`` first where
    the prompt has no system turn.
    """
    turns = list(prompt.turns)
    if system is not None and turns[0].role != "system":
        turns.insert(0, Turn("system", (Text(system),)))
    videos: list[tuple[int, int | None]] = []
    images: list[Any] = []
    messages: list[Message] = []
    for turn in turns:
        content: list[Content] = []
        for part in turn.parts:
            if isinstance(part, Text):
                content.append({"type": "text", "text": part.text})
            elif isinstance(part, Image):
                images.append(shown.still(part.pixels))
                content.append({"type": "image"})
            elif frames_as == "video":
                videos.append((part.start, part.stop))
                content.append({"type": "video"})
            else:
                content += _frames(part, shown, images, frame_text)
        messages.append((turn.role, content))
    return messages, videos, images


def _frames(part: Video, shown: Shown, images: list[Any], frame_text: str) -> list[Content]:
    content: list[Content] = []
    for number in range(shown.count)[part.start : part.stop]:
        if frame_text:
            text = frame_text.format(number=number + 1, time=f"{shown.times[number]:.1f}")
            content.append({"type": "text", "text": text})
        images.append(shown.frame(number))
        content.append({"type": "image"})
    return content
