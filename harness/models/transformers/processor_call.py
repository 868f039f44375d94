"""A call of a checkpoint's processor, a setting that it does not know said in one line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from harness.errors import ModelError
from harness.names import nearest

PARTS = {
    "images_kwargs": "image_processor",
    "videos_kwargs": "video_processor",
    "text_kwargs": "tokenizer",
    "audio_kwargs": "feature_extractor",
    "common_kwargs": "",
}
"""Whose settings a call takes, and what reads them."""
_UNKNOWN = re.compile(r"unexpected keyword argument '(\w+)'")


def check_parts(settings: Mapping[str, Any]) -> None:
    """Raises ModelError for settings of a part that no processor has: they would be ignored."""
    for name in settings:
        if name not in PARTS:
            raise ModelError(f"model.processor.{name}: no such part{nearest(name, PARTS)}")


def made(
    processor: Any, given: Mapping[str, Any], settings: Mapping[str, Mapping[str, Any]]
) -> Any:
    """What the processor makes of ``given``. Raises ModelError where it refuses one of the user's
    ``settings``, by their parts."""
    try:
        return processor(**given)
    except TypeError as error:
        found = _UNKNOWN.search(str(error))
        part = next((p for p, some in settings.items() if found and found[1] in some), None)
        if found is None or part is None:
            raise
        reader = getattr(processor, PARTS[part], None)
        known = getattr(getattr(reader, "valid_kwargs", None), "__annotations__", {})
        raise ModelError(
            f"model.processor.{part}.{found[1]}: this checkpoint's processor has no such setting"
            f"{nearest(found[1], known)}"
        ) from error
