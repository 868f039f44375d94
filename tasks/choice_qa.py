"""Multiple choice whose rows need nothing but to be told where what stands: a YAML file each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from harness.errors import DataError
from harness.task import (
    LETTERS,
    Row,
    Task,
    gold_letter,
    group_values,
    split_options,
    without_prefixes,
)
from harness.types import Clip, Question


@dataclass(frozen=True)
class ChoiceQA(Task):
    """Rows with a video, a question, options and a right answer.

    ``fields``: which fields hold "video", "question", "options", "answer" and, where they do, "id"
    (else the place in the split serves). Options are a list, a mapping from letters, several fields
    ("options" is then a list of names), or the last lines of the question ("options" left out).
    ``answer_is`` its place, letter or text. ``named``: {group: field}. ``file`` names the video, of
    ``{video}``. Labels in ``hidden`` are of questions whose answers only a server knows.
    """

    fields: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    answer_is: Literal["place", "letter", "text"] = "letter"
    named: Mapping[str, str] = field(default_factory=dict)
    file: str = "{video}"
    hidden: tuple[str, ...] = ()

    def clip(self, row: Row) -> Clip:
        """The whole video."""
        name = self.file.format(video=row[str(self.fields["video"])])
        return Clip(name, self.source.video(name))

    def question(self, row: Row) -> Question:
        """Groups as ``named``."""
        text = str(row[str(self.fields["question"])]).strip()
        if "options" in self.fields:
            options = self._options(row)
        else:
            text, options = split_options(text)
        if len(options) < 2:
            raise DataError("has fewer than two options")
        answer = str(row[str(self.fields["answer"])]).strip()
        known = None if answer in self.hidden else answer
        return Question(
            str(row[str(self.fields.get("id", "place"))]),
            text,
            options,
            gold_letter(known, options, self.answer_is),
            {group: group_values(row[name]) for group, name in self.named.items()},
        )

    def _options(self, row: Row) -> tuple[str, ...]:
        where = self.fields["options"]
        if not isinstance(where, str):
            return tuple(str(row[name]).strip() for name in where)
        given: Any = row[where]
        if isinstance(given, Mapping):
            texts = [given[letter] for letter in LETTERS if given.get(letter) not in (None, "")]
            return tuple(str(text).strip() for text in texts)
        return without_prefixes([str(option) for option in given])
