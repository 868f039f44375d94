"""MMVU: expert questions about scientific videos, validation 1,000: 625 with 5 options, 375 open.

Zhao et al. 2025, arXiv 2501.12380, github.com/yale-nlp/MMVU (4d54223d). Both kinds are judged there
(gpt-4o at temperature 1, {"extracted_answer", "correct"}); a judgement that fails counts as wrong
there and is unscored here. ``mmvu/choice`` is the multiple choice alone, by rule: the "mmvu (mc)"
of post-training papers, which is not comparable with the official number.

lmms-eval asks rules before the judge that take the *empty* answer for right: it is "contained" in
the gold. ``harness.scoring.mmvu_lmms`` keeps these rules for the audit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.errors import DataError
from harness.task import LETTERS, Row, Task
from harness.types import Clip, Question


@dataclass(frozen=True)
class MMVU(Task):
    """Rows of yale-nlp/MMVU; ``only`` keeps one kind ("multiple-choice", "open-ended")."""

    only: str = ""

    def clip(self, row: Row) -> Clip:
        """The video is named by the end of its URL: Subject/number."""
        name = "/".join(str(row["video"]).removesuffix(".mp4").split("/")[-2:])
        return Clip(name, self.source.video(name))

    def question(self, row: Row) -> Question:
        """Groups: kind of question and subject."""
        kind = str(row["question_type"])
        choices = row["choices"]
        options = tuple(str(choices[letter]) for letter in LETTERS[:5] if choices.get(letter))
        answer = str(row["answer"]).strip()
        if kind == "multiple-choice" and answer not in LETTERS[: len(options)]:
            raise DataError(f"the right answer {answer!r} is no letter of {len(options)} options")
        return Question(
            str(row["id"]),
            str(row["question"]).strip(),
            options if kind == "multiple-choice" else (),
            answer,
            {"question_type": (kind,), "subject": (str(row["metadata"]["subject"]),)},
        )

    def rows(self) -> Iterator[Row]:
        """Of the kind that is asked for."""
        return (r for r in super().rows() if not self.only or r["question_type"] == self.only)
