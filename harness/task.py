"""A benchmark under one protocol: rows and videos, a prompt, a scorer, metrics – composed.

A benchmark whose rows hold the standard fields needs no Python at all: its YAML names a source, a
prompt, a scorer and metrics. One with a schema of its own is a subclass of ``Task`` that turns a
row into a clip and a question (one screen in ``tasks/``); everything that a protocol may change is
a field, so a protocol is a YAML file and never Python.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from harness.errors import DataError
from harness.metrics import Mean
from harness.prompts import PromptWriter
from harness.returned import clip_of, question_of
from harness.rows import (
    BadRow,
    MissingField,
    Picturing,
    Placing,
    Row,
    Source,
    Tracked,
    by_clip,
    group_values,
    is_null,
    named,
    nothing,
    number_of,
    row_id,
    unwritable,
    writable,
)
from harness.scoring.options import (
    LETTERS,
    certain_target,
    gold_letter,
    letter,
    listed_options,
    split_options,
    without_prefixes,
)
from harness.types import (
    JSON,
    Clip,
    JudgedScorer,
    Metric,
    Prompt,
    Question,
    Scorer,
    Validating,
)

__all__ = [
    "LETTERS", "BadRow", "Row", "Source", "Task", "by_clip", "gold_letter", "group_values",
    "letter", "listed_options", "split_options", "without_prefixes",
]  # fmt: skip


MOST = 50  # bad rows that one message names


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

    def prepare(self, clips: Sequence[Clip]) -> bool | None:
        """Fetches the clips' videos. Their paths may be others afterwards, unless it returns False.
        Raises DataError."""
        return self.source.prepare(clip.video for clip in clips if clip.video is not None)

    def clip(self, row: Row) -> Clip:
        """The row's clip, its questions left empty. Standard fields: ``video``; perhaps ``start``
        and ``end`` (seconds), ``fps`` (of a folder of frames), ``subtitles``."""
        name = str(row["video"])
        start, end, fps = (number_of(row, key) for key in ("start", "end", "fps"))
        segment = None if start is None or end is None else (start, end)
        return Clip(
            name if segment is None else f"{name}@{row['start']}-{row['end']}",
            self.source.video(name),
            segment=segment,
            subtitles=self.source.subtitles(str(row.get("subtitles") or name)),
            fps=fps or None,
        )

    def question(self, row: Row) -> Question:
        """The row's question. Standard fields: ``question``, ``answer`` (or ``answer_index``, the
        right option's place from 0); perhaps ``id``, ``options``, ``image`` or ``images`` (shown
        before the text), ``option_images`` (one per option) and any group of ``breakdowns``.

        Options may carry their letters. An answer that is certainly an option becomes its letter
        (``harness.scoring.options.certain_target``).
        """
        text = str(row["question"])
        pictures = self._pictures(row.get("option_images"))
        options = without_prefixes(row.get("options"))
        if pictures and not options:
            options = tuple(f"Image {letter(place)}" for place in range(len(pictures)))
        if pictures and len(pictures) != len(options):
            raise DataError(f"it has {len(options)} options and {len(pictures)} option_images")
        if row.get("answer_index") is not None and "answer" not in row:
            target: JSON = gold_letter(row["answer_index"], options, "place")
        else:
            answer = row["answer"] if row.labelled else None
            target = certain_target(answer, options)
        groups = {name: row.get(name) for name in self.breakdowns}
        return Question(
            str(row["place"] if is_null(row.get("id")) else row["id"]),
            text,
            options,
            target,
            {name: group_values(value) for name, value in groups.items() if value is not None},
            images=self._pictures(row.get("images") or row.get("image")),
            option_images=pictures,
        )

    def _pictures(self, given: Any) -> tuple[Path, ...]:
        if given is None:
            return ()
        if not isinstance(self.source, Picturing):
            raise DataError("it has pictures, and its source has none")
        several = given if isinstance(given, list | tuple) else (given,)
        return tuple(self.source.image(picture) for picture in several)

    def rows(self) -> Iterator[Row]:
        """Every row with its ``place``: 0, 1, … in its split, "counting/0" in one of several."""
        places: Counter[str] = Counter()
        rows = self.source.rows()
        places_of = self.source.place if isinstance(self.source, Placing) else None
        labelled = any("answer" in given or "answer_index" in given for given in rows)
        for number, given in enumerate(rows, start=1):
            config = str(given.get("config", ""))
            place = places[config]
            places[config] += 1
            row = Row(given)
            row["place"] = f"{config}/{place}" if config else str(place)
            row.number, row.labelled, row.places = number, labelled, places_of
            yield row

    def clips(self, bad: list[BadRow] | None = None) -> Sequence[Clip]:
        """Every clip with its questions.

        Rows that cannot be asked (a field is missing or null, options or answer can never be
        right, an id comes twice) are put into ``bad`` and left out; without it they raise a
        DataError, which names them all.
        """
        found: list[BadRow] = []
        pairs = list(self._read(found))
        if bad is not None:
            bad += found
        elif found:
            said = "; ".join(row.reason for row in found[:MOST])
            more = f"; and {len(found) - MOST} more" if len(found) > MOST else ""
            raise DataError(
                f"{self.name}: {said}{more}: does data= hold this benchmark? Mend these, or "
                "set allow_failures=true to leave them out as failed."
            )
        return by_clip(pairs)

    def write(self, clip: Clip, question: Question, times: Sequence[float]) -> Prompt:
        """The question as asked when the frames at ``times`` (seconds) are shown."""
        return self.prompt.write(clip, question, times)

    def _clip(self, row: Row) -> Clip:
        """The row's clip. Raises DataError where a field of it is null that has to be there."""
        if not nothing(row):
            return clip_of(self.clip(row), self)
        tracked = Tracked(row)
        clip = clip_of(self.clip(tracked), self)
        if nulls := row.nulls(tracked.asked):
            raise DataError(f"its {nulls[0]} is null")
        return clip

    def _read(self, bad: list[BadRow]) -> Iterator[tuple[Clip, Question]]:
        seen: set[str] = set()
        scorer = self.scorer if isinstance(self.scorer, Validating) else None  # slow to ask: once
        for row in self.rows():
            video = ""
            question: Question | None = None
            try:
                clip = self._clip(row)
                video, question = clip.id, question_of(self.question(row), self)
                if problem := unwritable(clip, question) or _problem(row, question, scorer):
                    raise DataError(problem)
                if question.id in seen:
                    raise DataError(f"question id {question.id!r} appears twice")
            except MissingField as missing:
                reason = f" has no field {str(missing)!r}"
            except DataError as error:
                reason = f": {str(error).removesuffix('.')}"
            else:
                seen.add(question.id)
                yield clip, question
                continue
            question = question or Question(row_id(row), str(row.get("question") or ""))
            question = replace(question, id=writable(question.id))
            if question.id in seen:  # its record must not replace the other's
                question = replace(question, id=f"{question.id} (row {row.number})")
            seen.add(question.id)
            place = row.where or f"row {row.number}"
            reason = writable(f"{place}{named(row)}{reason}")
            bad.append(BadRow(question, writable(video), reason))


def _problem(row: Row, question: Question, scorer: Validating | None) -> str | None:
    """Why a row cannot be asked; None where it can."""
    if not question.text.strip() or (question.text in ("None", "nan") and nothing(row)):
        return "its question is empty"
    return scorer.problem(question) if scorer is not None else None
