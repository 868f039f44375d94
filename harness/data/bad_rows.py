"""What is wrong with rows, whatever their answers are; and all of it in one message."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.errors import DataError
from harness.scoring.options import without_prefixes

_MOST = 20  # bad rows that one message names

Bad = Mapping[int, str]
"""By row number (from 0): what is wrong with it."""


def unaskable(rows: Sequence[Mapping[str, Any]], is_video: Callable[[object], bool]) -> Bad:
    """Rows whose video is not there, whose question is empty, or whose id came before."""
    bad: dict[int, str] = {}
    seen: set[str] = set()
    for number, row in enumerate(rows):
        said = []
        if empty(row.get("video")):
            said.append("has no video")
        elif not is_video(row["video"]):
            said.append(f"the video {str(row['video'])!r} is not there")
        if empty(row.get("question")):
            said.append("its question is empty")
        if not empty(row.get("id")):
            if str(row["id"]) in seen:
                said.append(f"the id {str(row['id'])!r} appears twice")
            seen.add(str(row["id"]))
        if said:
            bad[number] = " and ".join(said)
    return bad


def equal_options(rows: Sequence[Mapping[str, Any]]) -> Bad:
    """Rows of which two options are the same text: their answer would mean either."""
    bad = {}
    for number, row in enumerate(rows):
        texts = [str(text).strip() for text in without_prefixes(row.get("options") or ())]
        if twice := [text for text in dict.fromkeys(texts) if texts.count(text) > 1]:
            bad[number] = f"two of its options are equal: {twice[0]!r}"
    return bad


def unanswered(rows: Sequence[Mapping[str, Any]]) -> Bad:
    """Rows without an answer where others have one; none where the answers are hidden."""
    without = [number for number, row in enumerate(rows) if empty(row.get("answer"))]
    return dict.fromkeys(without if len(without) < len(rows) else (), "its answer is empty")


def empty(value: object) -> bool:
    """Whether a field says nothing."""
    return value is None or value != value or (isinstance(value, str) and not value.strip())


def refuse(bad: Sequence[Bad], where: Callable[[int], str], advice: str = "") -> None:
    """Raises DataError, one line for all that is wrong with all of the rows."""
    numbers = sorted({number for some in bad for number in some})
    if not numbers:
        return
    named = [
        f"{where(number)}: {' and '.join(some[number] for some in bad if number in some)}"
        for number in numbers[:_MOST]
    ]
    more = f"; and {len(numbers) - _MOST} more" if len(numbers) > _MOST else ""
    raise DataError("; ".join(named) + more + advice)
