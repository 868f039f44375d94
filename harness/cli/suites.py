"""``task=blog``: the four benchmarks of LLaVA-NeXT-Video's release, one after the other.

``data=FOLDER`` is then a folder with one folder a benchmark (``FOLDER/vdd``); ``judge=`` goes to
those that a judge scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.errors import RequestError
from harness.overrides import key_of, quoted

SUITES = {"blog": ("activitynet_qa", "videochatgpt/blog", "vdd", "nextqa_oe")}
BY_RULE = {"nextqa_oe"}
"""Scored without a judge."""


def suite_of(words: Sequence[str]) -> str | None:
    """The suite that KEY=VALUE words name; None for a task. Raises RequestError for a suite among
    other tasks, and for settings of a task, which four cannot share."""
    named = [word.partition("=")[2] for word in words if key_of(word) == "task"]
    found = next((name for value in named for name in value.split(",") if name in SUITES), None)
    if found is not None and named[-1] != found:
        raise RequestError(f"task={named[-1]}: {found} is several tasks; name it alone")
    if found is not None:
        own = next((word for word in words if key_of(word).startswith("task.")), None)
        if own is not None:
            raise RequestError(f"{own}: task={found} is several tasks; set it on one of them")
    return found


def members(words: Sequence[str], suite: str) -> list[list[str]]:
    """The words of each of the suite's tasks, to be composed one by one."""
    return [[w for word in words for w in _for(word, task)] for task in SUITES[suite]]


def _for(word: str, task: str) -> list[str]:
    key, value = key_of(word), word.partition("=")[2]
    name = task.partition("/")[0]
    if key == "task":
        return [f"task={task}"]
    if key == "data":
        return [f"data={quoted(str(Path(value.strip(chr(39))) / name))}"]
    if key.partition(".")[0] == "judge" and name in BY_RULE:
        return []
    return [word]
