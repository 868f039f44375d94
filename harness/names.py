"""What was meant by a name that does not exist: the nearest real ones, and where old ones went; and
how messages show numbers and values."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

DISTRIBUTION = "video-eval-harness"
"""What pip calls this project."""

MOVED = {
    "task.reader": "task.scorer.extractor",
    "task.denominator": "task.metrics.0.counted",
    "task.aggregate": "task.metrics (macro: [group])",
    "task.aggregates": "task.metrics",
    "task.judge": "judge",
    "decoding": "generation",
    "unread": "unparsed",
}
"""Settings of earlier versions, and where their like is now."""


OF_CARD = (
    "checkpoint", "revision", "processor", "expect_tokens", "pool_stride", "pool_mode",
    "rope_scaling", "system", "chat_template", "template_settings", "dtype",
)  # fmt: skip
"""What a model's YAML says and no backend's: ``model.dtype``, which a run keeps as its
backend's."""


def written(name: str) -> str:
    """A dotted name of what a run keeps of its request, as the command line has it:
    ``task.prompt.template`` for ``protocol.prompt.template``, ``model.dtype`` for
    ``backend.dtype``."""
    top, dot, rest = name.partition(".")
    if top == "protocol" and dot:
        return f"task.{rest}"
    return f"model.{rest}" if top == "backend" and rest.split(".")[0] in OF_CARD else name


def brief(value: object, most: int = 60) -> str:
    """A value in one line of at most so many characters, however it prints itself."""
    text = " ".join(repr(value).split())
    return text if len(text) <= most else f"{text[: most - 1]}…"


def one_line(error: BaseException) -> str:
    """All that an error says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__


def first_line(error: BaseException) -> str:
    """What a library's error of many lines says first, short enough for a line of ours."""
    said = str(error).strip() or type(error).__name__
    return said.splitlines()[0][:200]


def nearest(name: str, known: Iterable[str], few: int = 30) -> str:
    """``; nearest: a, b`` – or all the names when none is near and they are few."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if close:
        return f"; nearest: {', '.join(close)}"
    return f"; there are: {', '.join(names)}" if 0 < len(names) <= few else ""


def unknown(name: str, known: Iterable[str]) -> str:
    """``no such name; nearest: a, b`` – or which there are, where none is near."""
    names = list(known)
    hint = nearest(name, names, few=0)
    return f"no such name{hint}" if hint else f"use one of {', '.join(names)}"


def suggest(key: str, paths: Iterable[str], where: str) -> str:
    """``; nearest: task.scorer.extractor`` – of all dotted names inside the object at ``where``.

    A name that is the last part of a longer one (``template`` of ``prompt.template``) comes first,
    then an earlier version's name, then spellings that are near.
    """
    known = list(paths)
    same = [path for path in known if path.rpartition(".")[2] == key]
    if same:
        return f"; write {' or '.join(f'{where}.{path}' for path in same[:3])}"
    moved = {
        old.removeprefix(f"{where}."): new
        for old, new in MOVED.items()
        if old.startswith(f"{where}.")
    }
    if key in moved:
        return f"; it is now {moved[key]}"
    ends: dict[str, str] = {}
    for path in sorted(known, key=lambda path: path.count(".")):
        ends.setdefault(path.rpartition(".")[2], f"{where}.{path}")
    ends = moved | ends
    close = difflib.get_close_matches(key, ends, n=3, cutoff=0.5)
    if close:
        return f"; nearest: {', '.join(ends[name] for name in close)}"
    direct = [path for path in known if "." not in path]
    return f"; there are: {', '.join(direct)}" if 0 < len(direct) <= 30 else ""


def several(count: int, noun: str) -> str:
    """``1 video``, ``2 videos``, ``2,700 questions``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
