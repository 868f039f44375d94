"""MLVU dev: seven multiple-choice tasks on videos of 3 minutes to 2 hours, 4 options (2,175).

Zhou et al. 2024, arXiv 2406.04264, github.com/JUNJIE99/MLVU. Licence CC-BY-NC-SA-4.0. Chance 25%.

The headline is M-Avg: the mean of the tasks' accuracies, not the accuracy over questions. The
official rule reads the character before the first ")", which fits its primer "Best Option: (".
The two generation tasks need a judge and are not asked here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.task import Row, Task, gold_letter, group_values, split_options
from harness.types import Clip, Question


@dataclass(frozen=True)
class MLVU(Task):
    """Rows of sy1998/MLVU_dev (options inside the question) or of the authors' own JSON files."""

    def clip(self, row: Row) -> Clip:
        """The video is ``video_name``, in the authors' files ``video``."""
        name = str(row.get("video_name") or row["video"])
        return Clip(name, self.source.video(name))

    def question(self, row: Row) -> Question:
        """One group: the task. Rows have no id: the place in the split serves."""
        text, options = split_options(str(row["question"]))
        given: Literal["letter", "text"] = "letter" if options else "text"
        options = options or tuple(map(str, row["candidates"]))
        return Question(
            id=str(row["place"]),
            text=text.removeprefix("Question:").strip(),
            options=options,
            target=gold_letter(row["answer"], options, given),
            groups={"task_type": group_values(row.get("task_type") or row["question_type"])},
        )
