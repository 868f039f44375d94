"""Answers that are none: what a model writes when its context has overflowed."""

from __future__ import annotations

_SHORTEST = 4  # "!!!!": a shorter run of one character ("aa", "...") is ordinary


def is_degenerate(response: str) -> bool:
    """Whether a response is blank, or one character or one word repeated (4 times or more)."""
    text = response.strip()
    words = text.split()
    repeated = len(text) >= _SHORTEST and len(set(text)) == 1
    return not text or repeated or (len(words) >= _SHORTEST and len(set(words)) == 1)
