"""TOMATO: rotation, direction, speed, shape, count and visual cues, 2 to 6 options (1,484).

Shangguan et al. 2024, arXiv 2410.23266, github.com/yale-nlp/TOMATO. Licence: none found. Chance
follows from the options of each question; the board prints 23.1 for random choice.

The official protocol: 16 frames, the prompt of ``configs/task/tomato.yaml``, accuracy over
questions. The authors ask GPT-4o-mini which letter a response means when it is not a bare letter;
the default extractor stands in for it. ``tomato/lmms_eval`` has the rule without a judge, which
reads A in every refusal.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.prompts import PromptTemplate
from harness.task import Row, Task, gold_letter, letter, listed_options
from harness.types import Clip, Question


@dataclass(frozen=True)
class Tomato(Task):
    """Rows in the schema of yale-nlp/TOMATO."""

    def clip(self, row: Row) -> Clip:
        """The video is ``video_path``."""
        name = str(row["video_path"])
        return Clip(name, self.source.video(name))

    def question(self, row: Row) -> Question:
        """Groups: reason_type and demonstration_type. ``answer`` is the right option's place."""
        options = listed_options(row["options"])
        return Question(
            id=str(row["id"]),
            text=str(row["question"]),
            options=options,
            target=gold_letter(row["answer"], options, "place"),
            groups=row.groups("reason_type", "demonstration_type"),
        )


@dataclass(frozen=True)
class DictionaryOptions(PromptTemplate):
    """Options as the authors print them: a Python dictionary from letter to text."""

    def options(self, question: Question) -> str:
        """One line, "{'A': 'Clockwise', 'B': …}"."""
        return str({letter(place): text for place, text in enumerate(question.options)})
