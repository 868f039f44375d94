"""Daily-Omni: what is heard and seen at once, 684 videos of 30 and 60 seconds, 4 options (1,197).

Zhou et al. 2025, arXiv 2505.17862, github.com/Lliar-liar/Daily-Omni (fccb838). The questions need
sound; shown without it, a run is a control and named so. The official score leaves failed items out
of its denominator.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.prompts import PromptTemplate
from harness.scoring.options import letter
from harness.types import Question


@dataclass(frozen=True)
class DailyOmniPrompt(PromptTemplate):
    """The options as a Python list of "A. …", as the authors paste them."""

    def options(self, question: Question) -> str:
        """One line."""
        return repr([f"{letter(n)}. {text}" for n, text in enumerate(question.options)])
