"""OVO-Bench: questions in the middle of a video, about what was seen up to then.

Li et al. 2025, arXiv 2501.05510, github.com/JoeLeelyf/OVO-Bench (c34093f). Licence CC-BY-NC-SA-4.0.
Asked here are the nine multiple-choice tasks: three that look back, six about the moment. The three
that wait for something to happen (REC, SSR, CRR) are not, so the headline is the mean of two modes
and not the board's total. The whole video is read up to the moment: no cut copies are needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.task import Row, Task, gold_letter, without_prefixes
from harness.types import Clip, Question

MODES = {
    **dict.fromkeys(("EPM", "ASI", "HLD"), "backward"),
    **dict.fromkeys(("OCR", "ACR", "ATR", "STU", "FPD", "OJR"), "realtime"),
}


@dataclass(frozen=True)
class OVOBench(Task):
    """Rows of ovo_bench_new.json: ``realtime`` the moment in seconds, ``gt`` the answer's place."""

    def rows(self) -> Iterator[Row]:
        """Those of the nine tasks."""
        return (row for row in super().rows() if row["task"] in MODES)

    def clip(self, row: Row) -> Clip:
        """The video from its start to the moment."""
        name, moment = str(row["video"]), float(row["realtime"])
        return Clip(f"{name}@0-{moment:g}", self.source.video(name), segment=(0.0, moment))

    def question(self, row: Row) -> Question:
        """Groups: mode and task."""
        options = without_prefixes([str(option) for option in row["options"]])
        task = str(row["task"])
        return Question(
            str(row["id"]),
            str(row["question"]).strip(),
            options,
            gold_letter(row["gt"], options, "place"),
            {"mode": (MODES[task],), "task": (task,)},
        )
