"""The demo's questions asked openly: the same clips and rows, the right answer a word or two.

Shown neither options nor letters; a judge grades what is said (``tiny_judge`` was made for it).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.scoring.options import LETTERS
from harness.task import Row
from harness.types import Question
from tasks.videomme import VideoMME


@dataclass(frozen=True)
class DemoOpen(VideoMME):
    """Rows in Video-MME's schema; the right option's text is the answer."""

    def question(self, row: Row) -> Question:
        """Groups as Video-MME's."""
        asked = super().question(row)
        if not isinstance(asked.target, str):  # its label is hidden
            return replace(asked, options=())
        return replace(asked, options=(), target=asked.options[LETTERS.index(asked.target)])
