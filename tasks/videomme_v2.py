"""Video-MME-v2: 800 videos, four related questions each, 8 options (3,200).

arXiv 2604.05015, github.com/MME-Benchmarks/Video-MME-v2. Licence: academic research only. Chance
12.5% in accuracy; under the non-linear score guessing earns far less
(``harness.metrics.chance`` computes it).

The official headline is the mean over groups of a score that rewards consistent and coherent
answers (``harness.metrics.GroupScore``). Frames are int(i * len / (n + 1)); subtitles, where shown,
are all words of the video in one line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.task import Row, Task, gold_letter, without_prefixes
from harness.types import Clip, Question

GROUPS = ("group_type", "group_structure", "level", "second_head", "third_head")


@dataclass(frozen=True)
class VideoMMEv2(Task):
    """Rows in the schema of MME-Benchmarks/Video-MME-v2, the four of a video in order."""

    def clip(self, row: Row) -> Clip:
        """Videos are numbered 001 to 800."""
        name = str(row["video"])
        return Clip(name, self.source.video(name), subtitles=self.source.subtitles(name))

    def question(self, row: Row) -> Question:
        """``position`` (1 to 4) is the question's place in its group."""
        listed = row["options"]
        if isinstance(listed, str):
            listed = re.split(r"\n(?=[A-H][.):])", listed.strip())
        options = without_prefixes(listed)
        place = int(row["place"])
        return Question(
            id=str(row.get("question_id") or row["place"]),
            text=str(row["question"]),
            options=options,
            target=gold_letter(row["answer"], options, "letter"),
            groups={**row.groups(*GROUPS), "position": (str(place % 4 + 1),)},
        )
