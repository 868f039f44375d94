"""VSI-Bench: distances, sizes, counts, directions and routes in 288 indoor scans.

Yang et al. 2024, arXiv 2412.14171, github.com/vision-x-nyu/thinking-in-space (51e089c). Letters for
six question types, numbers for four, graded by mean relative accuracy. Overall is the mean of 8
tasks, of which relative direction is the mean of its three levels. ``vsibench/debiased`` leaves out
what text alone answers (arXiv 2511.04655). The videos have the terms of ScanNet, ScanNet++,
ARKitScenes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.errors import DataError
from harness.task import Row, Task, gold_letter, without_prefixes
from harness.types import Clip, Question

NUMBERS = (
    "object_counting",
    "object_abs_distance",
    "object_size_estimation",
    "room_size_estimation",
)
DIRECTION = "object_rel_direction"
CHOICES = ("object_rel_distance", "route_planning", "obj_appearance_order")


@dataclass(frozen=True)
class VSIBench(Task):
    """Rows of nyu-visionx/VSI-Bench."""

    def clip(self, row: Row) -> Clip:
        """Data set/scene."""
        name = f"{row['dataset']}/{row['scene_name']}"
        return Clip(name, self.source.video(name))

    def question(self, row: Row) -> Question:
        """Groups: task (of 8), level (of relative direction), kind: number or choice."""
        type = str(row["question_type"])
        task = DIRECTION if type.startswith(DIRECTION) else type
        if task not in (*NUMBERS, *CHOICES, DIRECTION):
            raise DataError(f"question_type {type!r} is none of VSI-Bench's")
        groups = {"task": (task,), "kind": ("number" if task in NUMBERS else "choice",)}
        if task == DIRECTION:
            groups["level"] = (type.removeprefix(DIRECTION).strip("_"),)
        if task in NUMBERS:
            return Question(
                str(row["id"] if "id" in row else row["place"]),
                str(row["question"]).strip(),
                target=_number(row["ground_truth"]),
                groups=groups,
            )
        given: Any = row["options"]
        options = without_prefixes([str(option) for option in given])
        return Question(
            str(row["id"] if "id" in row else row["place"]),
            str(row["question"]).strip(),
            options,
            gold_letter(row["ground_truth"], options, "letter"),
            groups,
        )


def _number(text: object) -> float:
    try:
        return float(str(text))
    except ValueError:
        raise DataError(f"the right answer {text!r} is no number") from None
