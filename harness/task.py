"""A benchmark under one protocol: rows and videos, a prompt, a scorer, metrics – composed.

A benchmark whose rows hold the standard fields needs no Python at all: its YAML names a source, a
prompt, a scorer and metrics. One with a schema of its own is a subclass of ``Task`` that turns a
row into a clip and a question (one screen in ``tasks/``); everything that a protocol may change is
a field, so a protocol is a YAML file and never Python.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from harness.errors import DataError
from harness.metrics import Mean
from harness.prompts import PromptWriter
from harness.scoring.options import LETTERS, gold_letter, letter, split_options, without_prefixes
from harness.types import Clip, JudgedScorer, Metric, Prompt, Question, Scorer

__all__ = [
    "LETTERS", "Row", "Source", "Task", "by_clip", "gold_letter", "group_values", "letter",
    "split_options", "without_prefixes",
]  # fmt: skip


class Row(dict[str, Any]):
    """One row of a benchmark's data, with its ``number`` (from 1, as a person counts).

    A field that is not there is an error of the data, which names the row: a KeyError of any other
    mapping in a task's code stays what it is, a bug.
    """

    number: int = 0

    def groups(self, *names: str) -> dict[str, tuple[str, ...]]:
        """These fields as a question's groups: a list has several values, "" and [] have none."""
        return {name: group_values(self[name]) for name in names}

    def extended(self, more: Mapping[str, Any]) -> Row:
        """This row with other fields beside its own, under the same number."""
        row = Row({**self, **more})
        row.number = self.number
        return row

    def __missing__(self, key: str) -> Any:
        raise MissingField(key)


class MissingField(DataError):
    """A row has no field of this name."""


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

    def prepare(self, names: Iterable[Path]) -> None:
        """Fetches and verifies the videos at these paths where they are not here."""
        ...


@dataclass(frozen=True)
class Task:
    """A benchmark under one protocol.

    ``name`` and ``protocol`` label its numbers; ``source`` has its rows and videos; ``prompt``
    writes what the model is asked; ``scorer`` reads and scores a response; ``metrics`` add scores
    up, the first is the headline; ``breakdowns`` are the groups reported (none named: all).
    ``max_new_tokens`` is how long the protocol lets a response be; a response that ends there
    without ``answer_marker`` (if any) was cut off, and is not scored. ``needs`` names what a model
    must take in beyond frames and text ("audio").
    """

    source: Source
    name: str
    prompt: PromptWriter
    scorer: Scorer | JudgedScorer
    metrics: tuple[Metric, ...] = (Mean("accuracy"),)
    protocol: str = "official"
    breakdowns: tuple[str, ...] = ()
    max_new_tokens: int = 16
    answer_marker: str = ""
    needs: tuple[Literal["audio"], ...] = ()

    def identity(self) -> Mapping[str, str]:
        """What decides the rows, for the run id."""
        return self.source.identity()

    def prepare(self, clips: Sequence[Clip]) -> None:
        """Fetches the clips' videos; their paths may be others afterwards. Raises DataError."""
        self.source.prepare(clip.video for clip in clips if clip.video is not None)

    def clip(self, row: Row) -> Clip:
        """The row's clip, its questions left empty. Standard fields: ``video``; perhaps ``start``
        and ``end`` (seconds), ``fps``, ``subtitles``."""
        name = str(row["video"])
        start, end = row.get("start"), row.get("end")
        segment = None if start is None or end is None else (float(start), float(end))
        return Clip(
            name if segment is None else f"{name}@{start}-{end}",
            self.source.video(name),
            segment=segment,
            subtitles=self.source.subtitles(str(row.get("subtitles") or name)),
            fps=float(row["fps"]) if row.get("fps") else None,
        )

    def question(self, row: Row) -> Question:
        """The row's question. Standard fields: ``question`` and ``answer``; perhaps ``id``,
        ``options`` and any group named in ``breakdowns``."""
        options = tuple(str(option) for option in row.get("options") or ())
        named = {name: row.get(name) for name in self.breakdowns}
        return Question(
            str(row["id"] if "id" in row else row["place"]),
            str(row["question"]),
            options,
            row.get("answer"),
            {name: group_values(value) for name, value in named.items() if value is not None},
        )

    def rows(self) -> Iterator[Row]:
        """Every row with its ``place``: 0, 1, … in its split, "counting/0" in one of several."""
        places: Counter[str] = Counter()
        for number, given in enumerate(self.source.rows(), start=1):
            config = str(given.get("config", ""))
            place = places[config]
            places[config] += 1
            row = Row(given)
            row["place"] = f"{config}/{place}" if config else str(place)
            row.number = number
            yield row

    def clips(self) -> Sequence[Clip]:
        """Every clip with its questions. Raises DataError, which names every bad row."""
        return by_clip(self._read())

    def write(self, clip: Clip, question: Question, times: Sequence[float]) -> Prompt:
        """The question as asked when the frames at ``times`` (seconds) are shown."""
        return self.prompt.write(clip, question, times)

    def _read(self) -> Iterator[tuple[Clip, Question]]:
        bad: list[str] = []
        for row in self.rows():
            try:
                pair = self.clip(row), self.question(row)
            except MissingField as missing:
                bad.append(f"row {row.number}{_named(row)} has no field {str(missing)!r}")
                continue
            except DataError as error:
                bad.append(f"row {row.number}{_named(row)}: {error}")
                continue
            yield pair
        if bad:
            some = "; ".join(bad[:10]) + (f"; and {len(bad) - 10} more" if len(bad) > 10 else "")
            raise DataError(f"{self.name}: {some}: does data= hold this benchmark?")


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


def group_values(value: Any) -> tuple[str, ...]:
    """The values of a group that a row's field stands for: none for "" and []."""
    several = value if isinstance(value, list | tuple) else (value,)
    return tuple(str(one) for one in several if one != "")


def _named(row: Row) -> str:
    for key in ("id", "question_id", "uid", "qid"):
        if key in row:
            return f" ({key} {row[key]})"
    return ""
