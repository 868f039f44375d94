"""Which column of a file of rows is which: from the columns' names and what they hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.errors import DataError
from harness.names import nearest

Rows = Sequence[Mapping[str, Any]]

FIELDS = ("id", "video", "question", "options", "answer", "start", "end", "subtitles")
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
    notes: tuple[str, ...] = field(default=())


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
    if "video" not in given:
        fields.update(_by_files(rows, fields, names, is_video))
    several = () if "options" in fields else _option_columns(names)
    for name in NEEDED:
        if name not in fields:
            raise DataError(
                f"no column looks like the {name}; say which with --{name} COLUMN "
                f"(there are: {', '.join(names)})"
            )
    used = {*fields.values(), *several}
    return Columns(fields, several, _breakdowns(rows, [n for n in names if n not in used]))


def standard(rows: Rows, columns: Columns) -> list[dict[str, Any]]:
    """The rows with standard fields: options as one list, the answer as a letter.

    Raises DataError where an answer is none of its options.
    """
    made = []
    zero_based = _counts_from_zero(rows, columns)
    for number, row in enumerate(rows, start=1):
        kept = {name: row[own] for name, own in columns.fields.items() if own in row}
        kept |= {name: row.get(name) for name in columns.breakdowns}
        if columns.options:
            texts = [row.get(name) for name in columns.options]
            kept["options"] = [str(text) for text in texts if text not in (None, "")]
        if kept.get("options") and "answer" in kept:
            kept["answer"] = _letter(kept["answer"], kept["options"], number, zero_based)
        made.append(kept)
    return made


def needs_rewriting(rows: Rows, columns: Columns) -> bool:
    """Whether the rows as they are cannot be asked: options in columns of their own, or answers
    that are no letters."""
    if columns.options:
        return True
    answer, options = columns.fields.get("answer"), columns.fields.get("options")
    if not answer or not options:
        return False
    return any(not re.fullmatch(r"[A-Z]", str(row.get(answer) or "A")) for row in rows)


def _by_name(name: str, columns: Sequence[str]) -> str | None:
    """The column that is called like a field, in the order of how telling its names are."""
    plain = {re.sub(r"[ \-]", "_", column.lower()): column for column in reversed(columns)}
    return next((plain[known] for known in NAMES[name] if known in plain), None)


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


def _counts_from_zero(rows: Rows, columns: Columns) -> bool:
    answer = columns.fields.get("answer")
    return any(str(row.get(answer)) == "0" for row in rows) if answer else False


def _letter(answer: Any, options: Sequence[str], number: int, zero_based: bool) -> str:
    text = str(answer).strip()
    letters = [chr(ord("A") + place) for place in range(len(options))]
    if text.upper() in letters:
        return text.upper()
    if options.count(text) == 1:
        return letters[options.index(text)]
    if text.isdecimal() and (place := int(text) - (not zero_based)) in range(len(options)):
        return letters[place]
    raise DataError(
        f"row {number}: the answer {answer!r} is no letter, number or text of its "
        f"{len(options)} options"
    )
