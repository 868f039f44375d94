"""LVBench: 103 videos of more than an hour, 15 questions each, 4 options (1,549).

Wang et al. 2024, arXiv 2406.08035, github.com/THUDM/LVBench. Licence CC-BY-NC-SA-4.0. Chance 25%.

A question may test several of the six capabilities and counts in each; the headline is over
questions. The official rule takes the first character: "The answer is B." is T, and wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.task import Row, Task, gold_letter, group_values, split_options
from harness.types import Clip, Question


@dataclass(frozen=True)
class LVBench(Task):
    """Rows of lmms-lab/LVBench (one a question) or of THUDM's own file (one a video)."""

    def rows(self) -> Iterator[Row]:
        """One row a question: those of a video share its other fields."""
        for row in super().rows():
            yield from (row.extended(question) for question in row.get("qa", [row]))

    def clip(self, row: Row) -> Clip:
        """The video is ``video_path``, or named by ``key`` (YouTube)."""
        name = str(row.get("video_path") or row["key"])
        return Clip(name, self.source.video(name))

    def question(self, row: Row) -> Question:
        """The options stand in the question's text. Group: capability, one or several."""
        text, options = split_options(str(row["question"]))
        return Question(
            id=str(row["uid"]),
            text=text,
            options=options,
            target=gold_letter(row["answer"], options, "letter"),
            groups={"capability": group_values(row["question_type"])},
        )
