"""MotionBench: fine motion in 5,385 videos, six kinds of questions with 2 to 6 options.

Hong et al. 2025, arXiv 2501.02955, zai-org/MotionBench (video_info.meta.jsonl). Of 8,052 questions
about half carry a label; the others' answer is "NA", known to the leaderboard's server alone. When
a video is missing, lmms-eval asks without it and says so once in its log; here the run stops.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.task import Row
from tasks.choice_qa import ChoiceQA


@dataclass(frozen=True)
class MotionBench(ChoiceQA):
    """A row a video, with its questions under ``qa``; the options are the last lines of each."""

    def rows(self) -> Iterator[Row]:
        """A row a question."""
        for row in super().rows():
            for asked in row["qa"]:
                yield row.extended(asked)
