"""Perception Test, validation, multiple choice: 3 options on 23-second clips (19,140).

Pătrăucean et al. 2023, arXiv 2305.13786, github.com/google-deepmind/perception_test. Licence
CC-BY 4.0 (data), Apache-2.0 (code). Chance 33.3%.

The authors score top-1 accuracy and prescribe no prompt: ours is lmms-eval's, and so is the rule.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.task import Row, Task, gold_letter, listed_options
from harness.types import Clip, Question


@dataclass(frozen=True)
class PerceptionTest(Task):
    """Rows in the schema of lmms-lab/PerceptionTest_Val, config mc_question_val."""

    def clip(self, row: Row) -> Clip:
        """The video is named by ``video_name``."""
        name = str(row["video_name"])
        return Clip(name, self.source.video(name))

    def question(self, row: Row) -> Question:
        """``question_id`` counts within a video. Groups: area, reasoning, and every tag."""
        options = listed_options(row["options"])
        return Question(
            id=f"{row['video_name']}_{row['question_id']}",
            text=str(row["question"]),
            options=options,
            target=gold_letter(row["answer_id"], options, "place"),
            groups=row.groups("area", "reasoning", "tag"),
        )
