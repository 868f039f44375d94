"""NExT-QA, open-ended: why, how, when and what in everyday videos, answered in a few words.

Xiao et al. 2021, arXiv 2105.08276, github.com/doc-doc/NExT-OE (a83f8f58). Test 9,178 questions,
validation 5,343; 4,632 of the test's have a second reference. No judge: WUPS@All, in which counting
and yes/no questions must match exactly. What the words are changes the number: see
``harness.scoring.wups``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.errors import DataError
from harness.task import Row
from harness.types import Question
from tasks.open_qa import OpenQA

KINDS = {"C": "causal", "T": "temporal", "D": "descriptive"}


@dataclass(frozen=True)
class NExTQAOpen(OpenQA):
    """Rows of lmms-eval/NExTQA, config OE."""

    def question(self, row: Row) -> Question:
        """Groups: kind and type; TP counts as TN."""
        type = "TN" if row["type"] == "TP" else str(row["type"])
        if type[:1] not in KINDS:
            raise DataError(f"type {type!r} is none of NExT-QA's")
        return replace(super().question(row), groups={"kind": (KINDS[type[0]],), "type": (type,)})
