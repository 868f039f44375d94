"""NExT-QA, multiple choice: why, how, when and what in everyday videos, 5 options (test 8,564).

Xiao et al. 2021, arXiv 2105.08276, github.com/doc-doc/NExT-QA. Licence MIT. Chance 20%.

The authors score whole sets of chosen places (eval_mc.py: accuracy over all questions and for
causal, temporal and descriptive ones; TP counts as TN) and prescribe no prompt. Ours is the one
that LLaVA's papers use; ``nextqa/lmms_eval`` asks without any instruction, as lmms-eval does.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import DataError
from harness.task import Row, Task, gold_letter
from harness.types import Clip, Question

KINDS = {"C": "causal", "T": "temporal", "D": "descriptive"}


@dataclass(frozen=True)
class NExTQA(Task):
    """Rows in the schema of lmms-lab/NExTQA, config MC."""

    def clip(self, row: Row) -> Clip:
        """Videos are numbered."""
        name = str(row["video"])
        return Clip(name, self.source.video(name))

    def question(self, row: Row) -> Question:
        """``qid`` counts within a video, so both make the id. Groups: kind and type."""
        options = tuple(str(row[f"a{place}"]).strip() for place in range(5))
        type = "TN" if row["type"] == "TP" else str(row["type"])
        if type[:1] not in KINDS:
            raise DataError(f"type {type!r} is none of NExT-QA's")
        return Question(
            id=f"{row['video']}_{row['qid']}",
            text=str(row["question"]).strip(),
            options=options,
            target=gold_letter(row["answer"], options, "place"),
            groups={"kind": (KINDS[type[0]],), "type": (type,)},
        )
