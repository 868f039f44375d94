"""Which column of a file of rows is which: from the columns' names and what they hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import DataError
from harness.names import nearest
from harness.scoring.options import LETTERS, without_prefixes

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
    if "video" not in given:
        fields.update(_by_files(rows, fields, names, is_video))
    several = () if "options" in fields else _option_columns(names)
    for name in NEEDED:
        if name not in fields:
            raise UnknownColumn(name, names)
    used = {*fields.values(), *several}
    return Columns(fields, several, _breakdowns(rows, [n for n in names if n not in used]))


def standard(rows: Rows, columns: Columns, answers: str | None = None) -> list[dict[str, Any]]:
    """The rows with standard fields: options as one list without letters, the answer as a letter.

    ``answers`` says how all answers are written: a name of ANSWERS; None: seen from all of them.
    Raises DataError where an answer is none of its options, or can be read in two ways.
    """
    made = []
    for row in rows:
        kept = {name: row[own] for name, own in columns.fields.items() if own in row}
        kept |= {name: row.get(name) for name in columns.breakdowns}
        if columns.options:
            texts = [row.get(name) for name in columns.options]
            kept["options"] = [str(text) for text in texts if text not in (None, "")]
        if "options" in kept:
            kept["options"] = _as_list(kept["options"])
        made.append(kept)
    asked = {n: row for n, row in enumerate(made, start=1) if row.get("options")}
    answered = {n: row for n, row in asked.items() if row.get("answer") not in (None, "")}
    for number, letter in _letters(answered, answers).items():
        made[number - 1]["answer"] = letter
    return made


def needs_rewriting(rows: Rows, columns: Columns) -> bool:
    """Whether the rows as they are cannot be asked: options in columns of their own or in one text,
    or answers that are no letters."""
    if columns.options:
        return True
    answer, options = columns.fields.get("answer"), columns.fields.get("options")
    if not options:
        return False
    if any(isinstance(row.get(options), str) for row in rows):
        return True
    return answer is not None and any(
        not re.fullmatch(r"[A-Z]", str(row.get(answer) or "A")) for row in rows
    )


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


def _as_list(value: Any) -> list[str]:
    """Options as a list of texts without letters: a list; or one text, a line each or with | or ;
    between them. Raises DataError."""
    if isinstance(value, str):
        between = next((mark for mark in ("\n", "|", ";") if mark in value), None)
        if between is None:
            raise DataError(
                f"the options {value!r} are one text; write a list, or | between the options"
            )
        value = [part.strip() for part in value.split(between) if part.strip()]
    return list(without_prefixes([str(text) for text in value or ()]))


def _letters(rows: Mapping[int, Mapping[str, Any]], said: str | None) -> dict[int, str]:
    """The answers as letters, by row number; all read in one way where one way fits them all.

    Where none does, each is read by itself. Raises DataError where two ways disagree."""
    if said is not None:
        return {n: _one(n, row, ANSWERS[said]) for n, row in rows.items()}
    fitting = {
        name: {n: letter for n, row in rows.items() if (letter := read(*_answer(row)))}
        for name, read in ANSWERS.items()
    }
    whole = {name: letters for name, letters in fitting.items() if len(letters) == len(rows)}
    if not whole:
        return {n: _one(n, row, *ANSWERS.values()) for n, row in rows.items()}
    first, *others = whole.values()
    if any(letters != first for letters in others):
        raise DataError(
            f"the answers can be read as {' or as '.join(whole)}, and these differ; "
            f"say which with --answers {' | '.join(whole)}"
        )
    return first


def _one(number: int, row: Mapping[str, Any], *ways: Callable[[str, Sequence[str]], str]) -> str:
    """One answer as a letter: what all the ways that can read it agree on. Raises DataError."""
    text, options = _answer(row)
    found = {letter for read in ways if (letter := read(text, options))}
    if len(found) == 1:
        return found.pop()
    what = "can be read in two ways" if found else "is no letter, number or text of its options"
    raise DataError(f"row {number}: the answer {text!r} {what}: {', '.join(options)}")


def _answer(row: Mapping[str, Any]) -> tuple[str, Sequence[str]]:
    return str(row["answer"]).strip(), row["options"]


def _by_letter(text: str, options: Sequence[str]) -> str:
    match = re.fullmatch(r"\(?([A-Za-z])[).:]?", text)
    found = match[1].upper() if match else ""
    return found if found in LETTERS[: len(options)] else ""


def _by_text(text: str, options: Sequence[str]) -> str:
    if text not in options and (match := re.fullmatch(r"\(?([A-Za-z])[).:]\s+(.+)", text)):
        text = match[2] if _by_letter(match[1], options) == _by_text(match[2], options) else text
    return LETTERS[options.index(text)] if options.count(text) == 1 else ""


def _by_number(first: int) -> Callable[[str, Sequence[str]], str]:
    def read(text: str, options: Sequence[str]) -> str:
        place = int(text) - first if text.isdecimal() else -1
        return LETTERS[place] if place in range(len(options)) else ""

    return read


ANSWERS: Mapping[str, Callable[[str, Sequence[str]], str]] = {
    "letter": _by_letter,
    "text": _by_text,
    "from-0": _by_number(0),
    "from-1": _by_number(1),
}
"""How a column of answers may say which option is right: by its letter, its text, its number."""
