"""Rows of a benchmark's data as a task reads them, where they come from, and what is said of one
that cannot be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from math import isnan
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from harness.errors import DataError
from harness.types import Clip, Question, Record

IDS = ("id", "question_id", "uid", "qid", "question_idx")  # what data sets call their ids


@runtime_checkable
class Placing(Protocol):
    """A source that knows where its rows stand. Optional."""

    def place(self, index: int) -> str:
        """Where row ``index`` (from 0) stands: "rows.jsonl line 4"."""
        ...


@runtime_checkable
class Picturing(Protocol):
    """A source that has pictures too. Optional."""

    def image(self, picture: object) -> Path:
        """The file of a picture: named, or held by the row itself. Raises DataError."""
        ...


class Source(Protocol):
    """Where a benchmark's rows and videos come from (``harness.data.Source`` is one)."""

    def rows(self) -> Sequence[Mapping[str, Any]]:
        """Every row of the split, in order. Raises DataError."""
        ...

    def video(self, name: str) -> Path:
        """The file or frame folder of a video, or where it should be when it is missing."""
        ...

    def subtitles(self, name: str) -> Path | None:
        """The subtitle file of a video, None when it has none."""
        ...

    def identity(self) -> Mapping[str, str]:
        """What decides the rows: repository and commit, or a hash of their content."""
        ...

    def prepare(self, names: Iterable[Path]) -> bool | None:
        """Fetches and verifies the videos at these paths where they are not here. False: every
        file is where it was before, so that no row has to be read again."""
        ...


class Row(dict[str, Any]):
    """One row of a benchmark's data, with its ``number`` (from 1, as a person counts) and ``where``
    it stands in its file ("rows.jsonl line 4", where the source knows ``places``). ``labelled``:
    whether any row has an answer at all; where none has, the labels are hidden.

    A field that is not there is an error of the data, which names the row: a KeyError of any other
    mapping in a task's code stays what it is, a bug.
    """

    number: int = 0
    labelled: bool = True
    places: Callable[[int], str] | None = None

    @property
    def where(self) -> str:
        """Where it stands in its file; "" where the source does not know."""
        return self.places(self.number - 1) if self.places else ""

    def groups(self, *names: str) -> dict[str, tuple[str, ...]]:
        """These fields as a question's groups: a list has several values, "" and [] have none."""
        return {name: group_values(self[name]) for name in names}

    def extended(self, more: Mapping[str, Any]) -> Row:
        """This row with other fields beside its own, under the same number."""
        row = Row({**self, **more})
        row.number, row.labelled, row.places = self.number, self.labelled, self.places
        return row

    def nulls(self, keys: Iterable[str]) -> list[str]:
        """Which of these fields hold nothing (null, or the NaN of a table with gaps)."""
        return [key for key in keys if key in self and is_null(self[key])]

    def __missing__(self, key: str) -> Any:
        raise MissingField(key)


class MissingField(DataError):
    """A row has no field of this name."""


class BadRow(NamedTuple):
    """A row that cannot be asked: its ``question`` as far as it could be read (its id at least),
    the name of its ``video``, and the ``reason``, in one clause."""

    question: Question
    video: str
    reason: str

    def record(self) -> Record:
        """It as a failed record, for a run that goes on without it (``allow_failures``)."""
        return Record(
            self.question, self.video, "", status="failed", reason=self.reason, stage="data"
        )


def group_values(value: Any) -> tuple[str, ...]:
    """The values of a group that a row's field stands for: none for "" and []."""
    several = value if isinstance(value, list | tuple) else (value,)
    return tuple(str(one) for one in several if one != "")


class Tracked(Row):
    """A row that keeps which fields were ``asked`` for as certain to be there."""

    def __init__(self, row: Row) -> None:
        super().__init__(row)
        self.number, self.labelled, self.places = row.number, row.labelled, row.places
        self.asked: list[str] = []

    def __getitem__(self, key: str) -> Any:
        self.asked.append(key)
        return super().__getitem__(key)


def is_null(value: Any) -> bool:
    """Whether a field holds nothing: null, or the NaN of a table with gaps."""
    return value is None or (isinstance(value, float) and isnan(value))


def nothing(row: Row) -> bool:
    """Whether any field holds nothing."""
    return any(map(is_null, row.values()))


def number_of(row: Row, key: str) -> float | None:
    """A field as a number; None when it is missing or null. Raises DataError for another value."""
    value: Any = row.get(key)
    if is_null(value):
        return None
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise DataError(f"its {key} is {value!r} and not a number") from error


def row_id(row: Row) -> str:
    """The row's own id, as data sets call it, else its place."""
    given = next((row[key] for key in IDS if not is_null(row.get(key))), row.get("place"))
    return str(given)


def named(row: Row) -> str:
    """The row's id as an error says it; empty when it has none."""
    for key in IDS:
        if not is_null(row.get(key)):
            return f" ({key} {row[key]})"
    return ""


def by_clip(pairs: Iterable[tuple[Clip, Question]]) -> list[Clip]:
    """Clips with their questions gathered, in order of first appearance.

    Rows that name one clip and differ in its segment, subtitles or clock make clips of their own
    ("id (2)"): each question is asked about what its own row says. Raises DataError when two
    questions share an id: one would silently replace the other.
    """
    clips: dict[str, Clip] = {}
    questions: dict[str, list[Question]] = {}
    variants: dict[str, list[Clip]] = {}
    seen: set[str] = set()
    for clip, question in pairs:
        if question.id in seen:
            raise DataError(f"Question id {question.id!r} appears twice in the rows.")
        seen.add(question.id)
        alike = variants.setdefault(clip.id, [])
        if clip not in alike:
            alike.append(clip)
        place = alike.index(clip)
        id = f"{clip.id} ({place + 1})" if place else clip.id
        clips.setdefault(id, replace(clip, id=id))
        questions.setdefault(id, []).append(question)
    return [replace(clip, questions=tuple(questions[id])) for id, clip in clips.items()]


def unwritable(clip: Clip, question: Question) -> str | None:
    """Why no file could hold what is asked, as it is: half of a surrogate pair is no character, and
    with another in its place the question would not be known again. None where all is text."""
    said = {"id": question.id, "video": clip.id, "question": question.text}
    said |= {f"option {place}": text for place, text in enumerate(question.options)}
    for name, text in said.items():
        if text != writable(text):
            return f"its {name} holds half of a character (a lone surrogate): {writable(text)!r}"
    return None


def writable(text: str) -> str:
    """The text with what UTF-8 cannot write as an escape (``\\ud83d``)."""
    return text.encode("utf-8", "backslashreplace").decode()
