"""The tokens that stand for pictures in a processor's prompts."""

from __future__ import annotations

from typing import Any

from harness.errors import ModelError
from harness.models.transformers.written import special_tokens
from harness.types import Prompt


def of(processor: Any) -> list[str]:
    """A video's and a picture's, where the processor has them."""
    names = ("video_token", "image_token")
    found = [getattr(processor, name, None) for name in names]
    return [mark for mark in dict.fromkeys(found) if isinstance(mark, str) and mark]


def special(processor: Any) -> list[str]:
    """What must not stand in a question's text: pictures, and borders of turns."""
    tokens = special_tokens(processor.tokenizer)
    return [mark for mark in dict.fromkeys([*of(processor), *tokens]) if len(mark) > 1]


def check(processor: Any, prompt: Prompt, rendered: str, pictures: int) -> None:
    """Raises ModelError when the template lost a picture, or shows one twice."""
    known = of(processor)
    found = sum(rendered.count(mark) for mark in known)
    if known and found != pictures:
        raise ModelError(
            f"question {prompt.key}: the chat template shows {found} of {pictures} "
            "pictures: write model.chat_template=FILE for one that shows each once, or "
            "model.frames_as=images for a model without video"
        )
