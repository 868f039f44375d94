"""LongVideoBench val: questions that refer to a moment of a video of 8 s to 1 h (1,337).

Wu et al. 2024, arXiv 2407.15754, github.com/longvideobench/LongVideoBench. Licence
CC-BY-NC-SA-4.0; the data set is gated. 2 to 5 options ("N/A" fills the row up); chance follows
from the options of each question.

The official protocol: at most one frame a second, evenly spaced from the first; the subtitles
stand between the frames by time; the accuracy over all questions. The authors draw at random
where no letter can be read; here that is unparsed and wrong. Labels of the test split are hidden.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.task import Row, Task, gold_letter
from harness.types import Clip, Question

PADDING = "N/A"


@dataclass(frozen=True)
class LongVideoBench(Task):
    """Rows in the schema of longvideobench/LongVideoBench, as parquet or as lvb_val.json."""

    def clip(self, row: Row) -> Clip:
        """Subtitles are JSON, on the clock of the video that the clip was cut from."""
        subtitles = self.source.subtitles(str(row["subtitle_path"]))
        video = self.source.video(str(row["video_path"]))
        return Clip(
            str(row["video_id"]),
            video,
            subtitles=subtitles,
            subtitle_offset=float(row["starting_timestamp_for_subtitles"]),
            duration=float(row["duration"]),
        )

    def question(self, row: Row) -> Question:
        """Groups: duration_group (15, 60, 600, 3600) and question_category (17)."""
        listed = row.get("candidates") or [row.get(f"option{place}") for place in range(5)]
        options = tuple(str(option) for option in listed if option not in (None, PADDING))
        return Question(
            id=str(row["id"]),
            text=str(row["question"]),
            options=options,
            target=gold_letter(row.get("correct_choice"), options, "place"),
            groups=row.groups("duration_group", "question_category"),
        )
