"""Video-MME: 900 videos of 11 s to 1 h, three 4-option questions each (2,700).

Fu et al. 2024, arXiv 2405.21075, https://github.com/BradyFU/Video-MME. Licence: academic research
only, no commercial use. Chance 25%.

The official protocol (README and evaluation/eval_your_results.py of that repository): the prompt
of ``configs/task/videomme.yaml``, subtitles of the sampled frames only, the first capital A-D
of the response, accuracy over the answers that could be read (an unparsed one leaves the
denominator), micro over questions and per duration.

744 of the 900 videos have subtitles; the others are asked without the block.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.task import Row, Task, gold_letter, without_prefixes
from harness.types import Clip, Question


@dataclass(frozen=True)
class VideoMME(Task):
    """Rows in the schema of lmms-lab/Video-MME."""

    def clip(self, row: Row) -> Clip:
        """The video is named by ``videoID`` (YouTube), not by ``video_id`` (001 to 900)."""
        name = str(row["videoID"])
        return Clip(name, self.source.video(name), subtitles=self.source.subtitles(name))

    def question(self, row: Row) -> Question:
        """Groups: duration, domain, sub_category, task_type."""
        options = without_prefixes(row["options"])
        return Question(
            id=str(row["question_id"]),
            text=str(row["question"]),
            options=options,
            target=gold_letter(row["answer"], options, "letter"),
            groups=row.groups("duration", "domain", "sub_category", "task_type"),
            metadata={"video_id": str(row["video_id"]), "url": str(row.get("url", ""))},
        )
