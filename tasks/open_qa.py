"""Open questions with a right answer in words, each row its own question: one class for many sets.

Which fields hold what is data (``fields``), so that a benchmark of this kind is a YAML file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.errors import DataError
from harness.task import Row, Task, group_values
from harness.types import JSON, Clip, Question


@dataclass(frozen=True)
class OpenQA(Task):
    """Rows with a video, a question and one or several answers.

    ``fields``: which fields of a row hold "video", "question" and, where they do, "id" (parts
    joined by "_"; else the place in the split serves). ``answers``: the fields of the right
    answers; those that are empty in a row are left out, and none is an error of the data.
    ``named``: {group: field}. ``file``: how the video is named, of ``{video}``. ``asked``: the
    question of every row, where it is the protocol's. ``capitalized``: "how many TVs are there" is
    asked as lmms-eval does, "How many tvs are there?"; a judge is shown the row's own words.
    """

    fields: Mapping[str, str | tuple[str, ...]] = field(
        default_factory=lambda: {"video": "video_name", "question": "question"}
    )
    answers: tuple[str, ...] = ("answer",)
    named: Mapping[str, str] = field(default_factory=dict)
    file: str = "{video}"
    asked: str = ""
    capitalized: bool = False

    def clip(self, row: Row) -> Clip:
        """The whole video."""
        name = self.file.format(video=row[str(self.fields["video"])])
        return Clip(name, self.source.video(name))

    def question(self, row: Row) -> Question:
        """Groups as ``named``."""
        text = self.asked or str(row[str(self.fields["question"])]).strip()
        metadata: dict[str, JSON] = {}
        if self.capitalized:
            metadata["judge_question"] = text
            text = text.capitalize() + "?"
        return Question(
            self._id(row),
            text,
            target=self._target(row),
            groups={group: group_values(row[name]) for group, name in self.named.items()},
            metadata=metadata,
        )

    def _id(self, row: Row) -> str:
        names = self.fields.get("id", "place")
        parts = (names,) if isinstance(names, str) else names
        return "_".join(str(row[name]) for name in parts)

    def _target(self, row: Row) -> JSON:
        """One answer as a text, several (or a field that holds a list) as a list."""
        found: list[str] = []
        for name in self.answers:
            given = row.get(name)
            several = given if isinstance(given, list | tuple) else (given,)
            found += [text for one in several if one is not None and (text := str(one).strip())]
        if not found:
            raise DataError(f"no answer in {', '.join(self.answers)}")
        single = len(self.answers) == 1 and not isinstance(row.get(self.answers[0]), list | tuple)
        return found[0] if single else found
