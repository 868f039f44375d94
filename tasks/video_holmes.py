"""Video-Holmes: questions about suspense films that need clues put together, 6 options (1,837).

Cheng et al. 2025, arXiv 2505.21374, github.com/TencentARC/Video-Holmes (52ef8da2). Licence
Apache-2.0. The authors label the reasoning by a judge beside the score; that is not asked here.
Their rule for the letter prefers earlier letters ("C: because A is wrong" is A).
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.prompts import PromptTemplate
from harness.scoring.options import letter
from harness.types import Question


@dataclass(frozen=True)
class HolmesPrompt(PromptTemplate):
    """The options in one line, "A: …, B: …"."""

    def options(self, question: Question) -> str:
        """One line."""
        return ", ".join(f"{letter(n)}: {text}" for n, text in enumerate(question.options))
