"""Vinoground: 500 pairs of videos that differ in the order of events alone.

Zhang et al. 2024, arXiv 2410.02763, HanSolo9682/Vinoground. Of each pair, both videos are asked
which caption fits (text), and both captions which of two joined videos fits (video). A pair's text
score counts when both text questions are right, its video score likewise, its group score when all
four are: guessing gets 25%, 25% and 6.25%.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from harness.errors import DataError
from harness.metrics import Mean, Unit, estimated
from harness.task import Row, Task, gold_letter, split_options
from harness.types import Clip, Estimate, Question, Record


@dataclass(frozen=True)
class Vinoground(Task):
    """Rows of vinoground_textscore.json and vinoground_videoscore.json: idx, video_name, question,
    GT.

    Which of the two a row is from is its ``kind`` ("text", "video"), or the file's name under
    ``config``.
    """

    def clip(self, row: Row) -> Clip:
        """The video, or the two joined."""
        name = str(row["video_name"])
        return Clip(name, self.source.video(name))

    def question(self, row: Row) -> Question:
        """Groups: pair, kind, and the category where rows have one."""
        kind = str(row.get("kind") or row["config"])
        kind = "text" if "text" in kind else "video" if "video" in kind else kind
        if kind not in ("text", "video"):
            raise DataError(f"kind {kind!r} is neither text nor video")
        text, options = split_options(str(row["question"]))
        groups = {"pair": (str(row["idx"]).split("_")[0],), "kind": (kind,)}
        if row.get("major"):
            groups["category"] = (str(row["major"]),)
        answer = gold_letter(str(row["GT"]).upper(), options, "letter")
        return Question(f"{row['idx']}_{kind}", text, options, answer, groups)


@dataclass(frozen=True)
class AllRight:
    """The share of pairs of which all questions (of one ``kind``) are right."""

    name: str = "group"
    kind: str = ""
    unit: str = "%"
    higher_is_better: bool = True
    value: str = "accuracy"
    low: float = 0.0
    high: float = 1.0

    def estimate(self, records: Sequence[Record]) -> Estimate:
        """Over the pairs of which every question counts; each pair is one cluster."""
        return estimated(self.units(records), self.low, self.high)

    def units(self, records: Sequence[Record]) -> Mapping[Hashable, Unit]:
        """One unit a pair."""
        rule = Mean(self.value)
        pairs: dict[str, list[float]] = {}
        for record in records:
            worth = rule.worth(record)
            groups = record.question.groups
            if worth is not None and self.kind in ("", *groups.get("kind", ())):
                pairs.setdefault("".join(groups.get("pair", ())), []).append(worth)
        full = 2 if self.kind else 4
        return {
            pair: Unit(min(worths), pair) for pair, worths in pairs.items() if len(worths) == full
        }
