"""TempCompass: action, direction, speed, order and attribute change in 410 short videos.

Liu et al. 2024, arXiv 2403.00476, github.com/llyx97/TempCompass. Licence CC-BY-NC 4.0. Three
kinds are scored by rule: multi-choice (1,580; 2 to 4 options), yes/no (2,453) and caption
matching (1,503; 2 options). Captioning (2,004) needs a judge and is not asked here, so the
headline is not the board's "Avg. All", which is over all 7,540. Chance follows from the options
of each question.

The authors hand what their rules do not read to gpt-3.5-turbo-1106; here that is unparsed and
wrong, as with their --disable_llm.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.errors import DataError
from harness.prompts import PromptTemplate
from harness.task import Row, Task, gold_letter, split_options
from harness.types import Clip, Question

YES_NO = ("yes", "no")


@dataclass(frozen=True)
class TempCompass(Task):
    """Rows in the schema of lmms-lab/TempCompass, each with its kind under ``config``."""

    def clip(self, row: Row) -> Clip:
        """The video is named by ``video_id``."""
        name = str(row["video_id"])
        return Clip(name, self.source.video(name))

    def question(self, row: Row) -> Question:
        """Groups: kind and dimension. The options of caption matching keep their own labels."""
        kind, text = str(row["config"]), str(row["question"])
        options: tuple[str, ...]
        if kind == "yes_no":
            options, answer = YES_NO, str(row["answer"]).lower()
        elif kind == "caption_matching":
            text, *lines = text.split("\n")
            options, answer = tuple(line for line in lines if line), str(row["answer"])
            answer = next((o for o in options if o.startswith(answer.split(":")[0])), answer)
        elif kind == "multi-choice":
            text, options = split_options(text)
            answer = re.sub(r"^[A-D]\. ", "", str(row["answer"]))
        else:
            raise DataError(f"TempCompass has no rule for {kind}: it needs a judge.")
        return Question(
            id=str(row["place"]),
            text=text,
            options=options,
            target=gold_letter(answer, options, "text"),
            groups={"kind": (kind,), **row.groups("dim")},
        )


@dataclass(frozen=True)
class LabelledCaptions(PromptTemplate):
    """Lettered options, but caption matching's as they are: they carry labels of their own."""

    def options(self, question: Question) -> str:
        """One option a line."""
        if "caption_matching" in question.groups.get("kind", ()):
            return "\n".join(question.options)
        return super().options(question)
