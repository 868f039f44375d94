"""MLVU dev: seven multiple-choice tasks on videos of 3 minutes to 2 hours, 4 options (2,175).

Zhou et al. 2024, arXiv 2406.04264, github.com/JUNJIE99/MLVU. Licence CC-BY-NC-SA-4.0. Chance 25%.

The headline is M-Avg: the mean of the tasks' accuracies, not the accuracy over questions. The
official rule reads the character before the first ")", which fits its primer "Best Option: (".
The two generation tasks (8_sub_scene.json and 9_summary.json) need a judge and are not asked here.
data= takes the authors' folder too: json/1_plotQA.json, …, video/1_plotQA/….
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.task import Row, Task, gold_letter, group_values, listed_options, split_options
from harness.types import Clip, Question


@dataclass(frozen=True)
class MLVU(Task):
    """Rows of sy1998/MLVU_dev (options inside the question) or of the authors' own JSON files."""

    def clip(self, row: Row) -> Clip:
        """The video is ``video_name``, in the authors' files ``video``, in a folder per task."""
        name = str(row.get("video_name") or row["video"])
        own = self.source.video(f"{row['config']}/{name}") if "config" in row else None
        return Clip(name, own if own and own.exists() else self.source.video(name))

    def question(self, row: Row) -> Question:
        """One group: the task. Rows have no id: the place in the split serves."""
        text, options = split_options(str(row["question"]))
        given: Literal["letter", "text"] = "letter" if options else "text"
        options = options or listed_options(row["candidates"])
        return Question(
            id=str(row["place"]),
            text=text.removeprefix("Question:").strip(),
            options=options,
            target=gold_letter(row["answer"], options, given),
            groups={"task_type": group_values(row.get("task_type") or row["question_type"])},
        )
