"""Which column of a file of rows is which: from the columns' names and what they hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import DataError
from harness.names import nearest

Rows = Sequence[Mapping[str, Any]]

FIELDS = ("id", "video", "question", "options", "answer", "start", "end", "fps", "subtitles")
NEEDED = ("video", "question")
NAMES = {
    "id": ("id", "question_id", "questionid", "qid", "uid", "quid", "q_uid"),
    "video": (
        "video", "video_id", "videoid", "video_name", "video_path", "video_file", "vid", "clip",
        "clip_id", "clip_name", "file", "filename", "file_name", "path", "youtube_id", "mp4",
    ),
    "question": ("question", "query", "prompt", "question_text", "text"),
    "options": ("options", "choices", "candidates", "answer_options", "answers"),
    "answer": (
        "answer", "correct_answer", "answer_key", "label", "target", "gold", "ground_truth",
        "groundtruth", "gt", "correct", "solution", "truth",
    ),
    "start": ("start", "start_time", "start_sec", "begin"),
    "end": ("end", "end_time", "end_sec", "stop"),
    "fps": ("fps", "frame_rate"),
    "subtitles": ("subtitles", "subtitle", "subtitle_path", "srt"),
}  # fmt: skip
_ONE_OPTION = re.compile(
    r"(?:option|choice|candidate|opt|answer|a)?[ _\-]?([a-h]|\d)", re.IGNORECASE
)
_MOST_VALUES = 30
"""A column of more different values than this is no breakdown."""


@dataclass(frozen=True)
class Columns:
    """Which column is which: ``fields`` {standard field: column}; ``options`` the columns that hold
    one option each, in order (empty: a list in one column, or none); ``breakdowns``."""

    fields: Mapping[str, str]
    options: tuple[str, ...] = ()
    breakdowns: tuple[str, ...] = ()


class UnknownColumn(DataError):
    """No column can be the standard ``field``; there are these ``columns``."""

    def __init__(self, field: str, columns: Sequence[str]) -> None:
        self.field, self.columns = field, tuple(columns)
        super().__init__(
            f"no column looks like the {field}; say which with --{field} COLUMN "
            f"(there are: {', '.join(columns)})"
        )


def guess(rows: Rows, given: Mapping[str, str], is_video: Callable[[str], bool]) -> Columns:
    """The columns' meaning; what is ``given`` {standard field: column} is taken as it is.

    ``is_video`` tells whether a value names a video that is there: what a column holds decides
    before its name. Raises DataError where no column can be a needed field, or two can.
    """
    names = list(dict.fromkeys(key for row in rows[:100] for key in row))
    for name, column in given.items():
        if column not in names:
            raise DataError(f"--{name} {column}: no such column{nearest(column, names)}")
    fields = dict(given)
    for name in FIELDS:
        left = [column for column in names if column not in fields.values()]
        if name not in fields and (found := _by_name(name, left)):
            fields[name] = found
    unsure = "options" not in given and _plain(fields.get("options")) == "answers"
    if unsure and "answer" not in fields:
        fields["answer"] = fields.pop("options")  # several right answers, not a choice of them
    if "video" not in given:
        fields.update(_by_files(rows, fields, names, is_video))
    several = () if "options" in fields else _option_columns(names)
    for name in NEEDED:
        if name not in fields:
            raise UnknownColumn(name, names)
    used = {*fields.values(), *several}
    return Columns(fields, several, _breakdowns(rows, [n for n in names if n not in used]))


def _by_name(name: str, columns: Sequence[str]) -> str | None:
    """The column that is called like a field, in the order of how telling its names are."""
    plain = {_plain(column): column for column in reversed(columns)}
    return next((plain[known] for known in NAMES[name] if known in plain), None)


def _plain(column: str | None) -> str:
    return re.sub(r"[ \-]", "_", (column or "").lower())


def _by_files(
    rows: Rows, fields: Mapping[str, str], names: Sequence[str], is_video: Callable[[str], bool]
) -> dict[str, str]:
    """The column whose values name videos that are there, where one alone does."""

    def found(column: str) -> int:
        values = {str(row.get(column)) for row in rows[:20] if row.get(column) is not None}
        return sum(is_video(value) for value in values)

    if "video" in fields and found(fields["video"]):
        return {}
    others = [name for name in names if name not in fields.values()]
    hits = {name: found(name) for name in [*others, *filter(None, [fields.get("id")])]}
    best = [name for name, count in hits.items() if count and count == max(hits.values())]
    return {"video": best[0]} if len(best) == 1 else {}


def _option_columns(names: Sequence[str]) -> tuple[str, ...]:
    """Columns that hold one option each: A to D, option_1 to option_4, a0 to a4."""
    found = [(match[1].lower(), name) for name in names if (match := _ONE_OPTION.fullmatch(name))]
    marks = [mark for mark, _ in found]
    for first in ("a", "0", "1"):
        if first in marks:
            expected = [chr(ord(first) + step) for step in range(len(marks))]
            if len(marks) > 1 and marks == expected:
                return tuple(name for _, name in found)
    return ()


def _breakdowns(rows: Rows, names: Sequence[str]) -> tuple[str, ...]:
    """Columns of few different texts: categories that the score can be broken down by."""
    found = []
    for name in names:
        values = [row.get(name) for row in rows]
        texts = {value for value in values if isinstance(value, str)}
        if 1 < len(texts) <= min(_MOST_VALUES, len(rows) / 3) and None not in values:
            found.append(name)
    return tuple(found)
