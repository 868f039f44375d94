"""What a benchmark is made of: a multiple-choice task, filled in by ``tasks/*.py`` and YAML.

A benchmark is a subclass of ``MultipleChoice`` that turns one data row into a clip and a question;
everything a protocol may change (prompt, reader, denominator, subtitles) is a field, so a
protocol is a YAML file and never Python.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any, Literal, Protocol

from harness.errors import DataError, RequestError
from harness.scoring.aggregate import AGGREGATES
from harness.scoring.options import LETTERS, gold_letter, letter, split_options, without_prefixes
from harness.scoring.readers import READERS, VERDICTS, option_text
from harness.scoring.subtitles import Cue, cues_at, first_cues_at, interleaved, read_cues
from harness.types import Clip, Prompt, Question, Score, Text, Turn, Video

__all__ = [
    "LETTERS", "MultipleChoice", "Row", "Source", "by_clip", "gold_letter", "letter", "rotate",
    "split_options", "without_options", "without_prefixes",
]  # fmt: skip

Row = Mapping[str, Any]


class Source(Protocol):
    """Where a benchmark's rows and videos come from (``harness.data.Source`` is one)."""

    def rows(self) -> Sequence[Row]:
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


def rotate(question: Question, by: int) -> Question:
    """The same question with its options moved ``by`` places and its gold letter with them.

    Option i lands at (i + by) mod n. The id gains "@by" (unless by is 0), so that a run keeps
    every rotation apart. Questions without at least two options come back unchanged.
    """
    count = len(question.options)
    shift = by % count if count > 1 else 0
    if shift == 0:
        return question
    options = question.options[-shift:] + question.options[:-shift]
    gold = question.gold
    if gold is not None:
        gold = letter((LETTERS.index(gold) + shift) % count)
    return replace(question, id=f"{question.id}@{shift}", options=options, gold=gold)


HIDDEN = "options_hidden"


def without_options(question: Question) -> Question:
    """The same question to be asked without its options (they still score the answer)."""
    return replace(question, extra={**question.extra, HIDDEN: True})


def by_clip(pairs: Iterable[tuple[Clip, Question]]) -> list[Clip]:
    """Clips with their questions gathered, in order of first appearance.

    Raises DataError when two questions share an id: one would silently replace the other.
    """
    clips: dict[str, Clip] = {}
    questions: dict[str, list[Question]] = {}
    seen: set[str] = set()
    for clip, question in pairs:
        if question.id in seen:
            raise DataError(f"Question id {question.id!r} appears twice in the rows.")
        seen.add(question.id)
        clips.setdefault(clip.id, clip)
        questions.setdefault(clip.id, []).append(question)
    return [replace(clip, questions=tuple(questions[id])) for id, clip in clips.items()]


@dataclass(frozen=True)
class MultipleChoice(ABC):
    """A multiple-choice benchmark under one protocol.

    ``name`` and ``protocol`` label its numbers; ``reader`` is one of ``READERS``; ``denominator``
    is one of ``DENOMINATORS``: whether unread answers count as wrong ("all") or leave it
    ("answered"); ``aggregate`` names the headline ("micro", "macro:<group>", …);
    ``breakdowns`` are the groups reported.

    ``template`` is the user's text with ``{question}``, ``{options}``, ``{subtitles}`` and
    ``{frames}`` (how many are shown); ``option`` is one option line; ``primer`` opens the
    assistant's turn. ``subtitles`` is "none", "sampled" (every line on screen at a sampled frame,
    once), "per_frame" (the first line on screen at each frame, repeats kept), "all" or
    "interleaved" (between the frames; a question's ``extra`` may hold "subtitle_offset", the clip's
    start on the subtitles' clock, and "duration", both in seconds). The block of them is left
    out when there are none, unless ``no_subtitles`` gives a text to stand there.

    A question ``without_options`` is asked by ``open_template`` instead, and only option texts are
    read in the response: a letter would say nothing.
    """

    source: Source
    name: str
    template: str
    protocol: str = "official"
    system: str = ""
    option: str = "{letter}. {text}"
    primer: str = ""
    reader: str = "default"
    denominator: Literal["all", "answered", "nonempty"] = "all"
    aggregate: str = "micro"
    breakdowns: tuple[str, ...] = ()
    subtitles: Literal["none", "sampled", "per_frame", "all", "interleaved"] = "none"
    subtitle_block: str = "This video's subtitles are listed below:\n{subtitles}\n"
    subtitle_join: str = "\n"
    no_subtitles: str | None = None
    max_new_tokens: int = 16
    open_template: str = "{subtitles}{question}\nAnswer the question using a short phrase."

    def __post_init__(self) -> None:
        if self.reader not in READERS:
            raise RequestError(f"task.reader={self.reader}: write one of {', '.join(READERS)}")
        if self.aggregate.partition(":")[0] not in AGGREGATES:
            known = ", ".join(AGGREGATES)
            raise RequestError(f"task.aggregate={self.aggregate}: write one of {known}")
        for template in (self.template, self.open_template):
            try:
                template.format(question="", options="", subtitles="", frames=0)
            except (KeyError, IndexError, ValueError) as error:
                raise RequestError(
                    "task.template may hold {question}, {options}, {subtitles} and {frames}, "
                    f"and braces as {{{{ and }}}}: {error!r} in {template!r}"
                ) from error

    def identity(self) -> Mapping[str, str]:
        """What decides the rows, for the run id."""
        return self.source.identity()

    def prepare(self, clips: Sequence[Clip]) -> None:
        """Fetches the clips' videos; their paths may be others afterwards. Raises DataError."""
        self.source.prepare(clip.video for clip in clips)

    @abstractmethod
    def clip(self, row: Row) -> Clip:
        """The row's clip, its questions left empty."""

    @abstractmethod
    def question(self, row: Row) -> Question:
        """The row's question."""

    def rows(self) -> Iterable[Row]:
        """Every row with its ``place``: 0, 1, … in its split, "counting/0" in one of several."""
        places: Counter[str] = Counter()
        for row in self.source.rows():
            config = str(row.get("config", ""))
            place = places[config]
            places[config] += 1
            yield {**row, "place": f"{config}/{place}" if config else str(place)}

    def clips(self) -> Sequence[Clip]:
        """Every clip with its questions. Raises DataError when a row lacks a field."""
        try:
            return by_clip((self.clip(row), self.question(row)) for row in self.rows())
        except KeyError as missing:
            raise DataError(
                f"A row of {self.name} has no field {missing}: does data= hold this benchmark?"
            ) from missing

    def prompt(self, clip: Clip, question: Question, times: Sequence[float]) -> Prompt:
        """The question as asked when the frames at ``times`` (seconds) are shown."""
        cues = self.cues(clip, times)
        if self.subtitles == "interleaved" and cues:
            extra = question.extra
            offset, duration = extra.get("subtitle_offset", 0), extra.get("duration", inf)
            parts = interleaved(cues, times, float(str(offset)), float(str(duration)))
            shown: int | None = sum(isinstance(part, Text) for part in parts)
        else:
            parts = [Video()]
            shown = None if self.subtitles == "none" else len(cues)
        parts.append(Text(self.text(question, cues, len(times))))
        turns = [Turn("user", tuple(parts))]
        if self.system:
            turns.insert(0, Turn("system", (Text(self.system),)))
        if self.primer and HIDDEN not in question.extra:
            turns.append(Turn("assistant", (Text(self.primer),)))
        return Prompt(question, tuple(turns), shown)

    def text(self, question: Question, cues: Sequence[Cue], frames: int) -> str:
        """The user's text, with the subtitle lines to be shown in a block."""
        block = ""
        if self.subtitles not in ("none", "interleaved") and (cues or self.no_subtitles):
            lines = self.subtitle_join.join(cue.text for cue in cues) or self.no_subtitles
            block = self.subtitle_block.format(subtitles=lines)
        template = self.open_template if HIDDEN in question.extra else self.template_of(question)
        return template.format(
            question=question.text,
            options=self.options(question),
            subtitles=block,
            frames=frames,
        )

    def template_of(self, question: Question) -> str:
        """The template a question is asked by: one for all, unless a benchmark has kinds."""
        return self.template

    def options(self, question: Question) -> str:
        """The options, one a line."""
        lines = (
            self.option.format(letter=letter(place), text=text)
            for place, text in enumerate(question.options)
        )
        return "\n".join(lines)

    def cues(self, clip: Clip, times: Sequence[float]) -> list[Cue]:
        """The subtitle lines shown with the frames at ``times``; none without a file."""
        if clip.subtitles is None or self.subtitles == "none":
            return []
        cues = read_cues(clip.subtitles)
        if self.subtitles == "sampled":
            return cues_at(cues, times)
        return first_cues_at(cues, times) if self.subtitles == "per_frame" else cues

    def score(self, question: Question, response: str) -> Score:
        """1 for the right letter, 0 for a wrong one, None for an unread one or a hidden label."""
        if HIDDEN in question.extra:
            return _scored(option_text(response, question.options), question.gold)
        read = READERS[self.reader](response, question.options)
        verdict = VERDICTS.get(self.reader)
        if verdict is None or question.gold is None:
            return _scored(read, question.gold)
        if verdict(response, question.options, question.gold):
            return Score(1.0, question.gold)
        return Score(0.0, read if read != question.gold else None)


def _scored(read: str | None, gold: str | None) -> Score:
    return Score(None if read is None or gold is None else float(read == gold), read)
