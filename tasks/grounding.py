"""Moments of a video that a sentence describes: Charades-STA, ActivityNet Captions, TimeLens-Bench.

Gao et al. 2017 (arXiv 1705.02101), Krishna et al. 2017 (arXiv 1705.00754), TencentARC 2025
(arXiv 2512.14698). R1 at an overlap of 0.3, 0.5 and 0.7, and mIoU. What a model is told about time
decides the number (Qwen2.5-VL-7B: 29.5 mIoU by these prompts, 43.6 on its card): a response's
record keeps it. lmms-eval keys its rows by video, sentence and times, so that duplicates collapse
there; here each counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.errors import DataError
from harness.task import Row, Task, group_values
from harness.types import Clip, Question


@dataclass(frozen=True)
class Grounding(Task):
    """Rows with a video, a sentence and its times in seconds; ``named``: {group: field}.

    ``fields``: which fields hold "video", "sentence" and "times" ([start, end]).
    """

    fields: Mapping[str, str] = field(
        default_factory=lambda: {"video": "video", "sentence": "caption", "times": "timestamp"}
    )
    named: Mapping[str, str] = field(default_factory=dict)

    def clip(self, row: Row) -> Clip:
        """The whole video."""
        name = str(row[self.fields["video"]])
        return Clip(name, self.source.video(name))

    def question(self, row: Row) -> Question:
        """The text is the sentence, the target [[start, end]]."""
        times: Any = row[self.fields["times"]]
        try:
            start, end = (float(time) for time in times)
        except (TypeError, ValueError):
            raise DataError(f"the times {times!r} are no [start, end] in seconds") from None
        if not start < end:
            raise DataError(f"the moment {start:g} to {end:g} does not end after it starts")
        return Question(
            str(row["place"]),
            str(row[self.fields["sentence"]]).strip(),
            target=[[start, end]],
            groups={group: group_values(row[name]) for group, name in self.named.items()},
        )
