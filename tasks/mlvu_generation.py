"""MLVU's generation tasks: sub-scene captions (201) and summaries (217), judged by two sub-scores.

Zhou et al. 2024, arXiv 2406.04264, github.com/JUNJIE99/MLVU (fd060c10). Licence CC-BY-NC-SA-4.0.
Each sub-score is 1 to 5, an item's score their sum (2 to 10); the headline G-Avg is the mean of
both tasks' means. The authors' judge was gpt-4-turbo at temperature 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.task import Row, Task
from harness.types import Clip, Question

KINDS = {"subPlot": "sub_scene", "sub_scene": "sub_scene", "summary": "summary"}


@dataclass(frozen=True)
class MLVUGeneration(Task):
    """Rows of the authors' 8_sub_scene.json and 9_summary.json."""

    def clip(self, row: Row) -> Clip:
        """The whole video."""
        name = str(row["video"])
        return Clip(name, self.source.video(name))

    def question(self, row: Row) -> Question:
        """One group: the task. The points to be mentioned are metadata of sub-scene captions."""
        points: Any = row.get("scoring_points") or []
        kind = KINDS.get(str(row["question_type"]), str(row["question_type"]))
        return Question(
            f"{kind}/{row['place']}",
            str(row["question"]).strip(),
            target=str(row["answer"]),
            groups={"task_type": (kind,)},
            metadata={"scoring_points": [str(point) for point in points]},
        )
