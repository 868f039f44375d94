"""What a processor told its model of time: found in the tokens that it put in for pictures."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from harness.errors import RequestError

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


STEPS = ("second_per_grid_ts", "video_second_per_grid")
"""What processors call the seconds between two steps of the time axis of positions, one a video."""


def in_positions(inputs: Mapping[str, Any]) -> tuple[str, ...]:
    """What is told of time through positions alone (Qwen2.5-VL, Qwen-Omni)."""
    return tuple(f"{step:g} s a step of positions" for step in steps(inputs))


def steps(inputs: Mapping[str, Any]) -> list[float]:
    """The seconds of a step of positions, one a video; empty where positions tell no time."""
    found = next((inputs[name] for name in STEPS if inputs.get(name) is not None), ())
    return [float(step) for step in found]


def check_steps(
    inputs: Mapping[str, Any], rates: Sequence[float], video_processor: Any, question: str
) -> None:
    """Raises RequestError where positions tell other times than those at which the frames are
    shown, ``rates`` a second in each video (Qwen-Omni's know one rate for all of a prompt)."""
    told = steps(inputs)
    if not told:
        return
    true = [float(video_processor.temporal_patch_size) / rate for rate in rates]
    if len(told) != len(true) or any(
        abs(a - b) > 1e-3 * b for a, b in zip(told, true, strict=True)
    ):
        raise RequestError(
            f"question {question}: the model's processor takes a step of positions for "
            f"{_seconds(told)}, and the frames' own times make it {_seconds(true)}: show videos of "
            "one rate in a prompt, or model.frames_as=images"
        )


def _seconds(steps: Sequence[float]) -> str:
    return ", ".join(f"{step:g} s" for step in steps)


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
