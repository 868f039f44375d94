"""What a processor told its model of time: found in the tokens that it put in for pictures."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

TIME = re.compile(r"\d+(?::\d\d)+(?:\.\d+)?|\d+(?:\.\d+)?\s*s(?:ec(?:onds?)?)?\b|^\d+(?:\.\d+)?$")
"""How processors spell a frame's time: ``00:01``, ``0.5 seconds``, ``1.0s``, ``2.0``."""
NUMBERED = re.compile(r"<(\w+)>\d+</\1>")
"""A picture's number in marks of its own (MiniCPM-V): no time."""


def in_tokens(tokenizer: Any, tokens: Any, rendered: str, marks: Sequence[str]) -> tuple[str, ...]:
    """The texts about time that stand in a prompt's ``tokens`` where the ``rendered`` prompt has
    ``marks`` for pictures."""
    spelled = tokenizer.decode(tokens, skip_special_tokens=False)
    inserted = NUMBERED.sub("", _inserted(spelled, rendered, marks))
    borders = [str(each) for each in tokenizer.added_tokens_decoder.values()]
    borders += [*tokenizer.all_special_tokens, "\n"]
    pieces = re.split("|".join(map(re.escape, sorted(borders, key=len, reverse=True))), inserted)
    told = (piece.strip(" \t,") for piece in pieces)
    return tuple(said for said in told if TIME.search(said))


def before_pictures(rendered: str, marks: Sequence[str]) -> tuple[str, ...]:
    """The texts about time that end right before a picture in a rendered prompt."""
    texts = re.split("|".join(map(re.escape, marks)) or "$^", rendered)
    last = (text.splitlines()[-1].strip() for text in texts if text.strip())
    return tuple(said for said in last if TIME.search(said))


def in_positions(inputs: Mapping[str, Any]) -> tuple[str, ...]:
    """What is told of time through positions alone: seconds between two steps of the time axis, one
    a video (Qwen2.5-VL)."""
    steps = inputs.get("second_per_grid_ts")
    return () if steps is None else tuple(f"{float(s):g} s a step of positions" for s in steps)


def _inserted(spelled: str, rendered: str, marks: Sequence[str]) -> str:
    """What stands in the tokens' text where the rendered prompt has its pictures."""
    places = [rendered.find(mark) for mark in marks if mark in rendered]
    if not places:
        return ""
    last = max(rendered.rfind(mark) + len(mark) for mark in marks if mark in rendered)
    before, after = min(places), len(rendered) - last
    start = spelled.find(rendered[:before])
    begin = start + before if start >= 0 else 0
    return spelled[begin : len(spelled) - after]
