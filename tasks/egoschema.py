"""EgoSchema: one question on each three-minute first-person clip, 5 options (500 or 5,031).

Mangalam et al. 2023, arXiv 2308.09126, github.com/egoschema/EgoSchema. Licence: MIT on the hub's
card, the Ego4D licence for the videos. Chance 20%.

Labels are public for 500 questions (the Subset, scored here); the full set is scored by the
authors' server, so its answers are exported and never compared with the Subset's. The authors
prescribe no prompt: ours is lmms-eval's, and so is the rule.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.task import Row, Task, gold_letter, without_prefixes
from harness.types import Clip, Question


@dataclass(frozen=True)
class EgoSchema(Task):
    """Rows in the schema of lmms-lab/egoschema (configs Subset and GENERATION)."""

    def clip(self, row: Row) -> Clip:
        """The video is named by ``video_idx``, which the server's submission calls q_uid."""
        name = str(row["video_idx"])
        return Clip(name, self.source.video(name))

    def question(self, row: Row) -> Question:
        """``answer`` is the place of the right option, empty in the full set."""
        options = without_prefixes(row["option"])
        return Question(
            id=str(row["question_idx"]),
            text=str(row["question"]),
            options=options,
            target=gold_letter(row.get("answer"), options, "place"),
        )
