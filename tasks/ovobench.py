"""OVO-Bench: questions in the middle of a video, about what was seen up to then. 3,035 of them.

Li et al. 2025, arXiv 2501.05510, github.com/JoeLeelyf/OVO-Bench (c34093f). Licence CC-BY-NC-SA-4.0.
Three tasks look back (EPM, ASI, HLD), six are about the moment, three wait for something to happen
and are asked at several moments each: how often it was done (REC), whether a step is being done
(SSR), whether enough was seen to answer (CRR). The total is the mean of the three modes, each the
mean of its tasks. The whole video is read up to the moment: no cut copies are needed. As there, the
questions of REC and CRR do not say at which moment they are asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.errors import DataError
from harness.prompts import PromptTemplate
from harness.scoring.options import letter
from harness.task import Row, Task, gold_letter, without_prefixes
from harness.types import Clip, Question, Response, Score

FORWARD = ("REC", "SSR", "CRR")
MODES = {
    **dict.fromkeys(("EPM", "ASI", "HLD"), "backward"),
    **dict.fromkeys(("OCR", "ACR", "ATR", "STU", "FPD", "OJR"), "realtime"),
    **dict.fromkeys(FORWARD, "forward"),
}


@dataclass(frozen=True)
class OVOBench(Task):
    """Rows of ovo_bench_new.json: ``realtime`` the moment in seconds, ``gt`` the answer's place;
    those of the forward tasks list their moments under ``test_info``."""

    def rows(self) -> Iterator[Row]:
        """One row a moment: those of an item share its other fields, and are "id_place"."""
        for row in super().rows():
            if row["task"] not in FORWARD:
                yield row
                continue
            for place, moment in enumerate(row["test_info"]):
                yield row.extended({**moment, "id": f"{row['id']}_{place}"})

    def clip(self, row: Row) -> Clip:
        """The video from its start to the moment."""
        name, moment = str(row["video"]), float(row["realtime"])
        return Clip(f"{name}@0-{moment:g}", self.source.video(name), segment=(0.0, moment))

    def question(self, row: Row) -> Question:
        """Groups: mode, task and what is answered: choice, count or yes_no."""
        task = str(row["task"])
        if task not in MODES:
            raise DataError(f"task {task!r} is none of OVO-Bench's")
        kind = "choice" if task not in FORWARD else "count" if task == "REC" else "yes_no"
        groups = {"mode": (MODES[task],), "task": (task,), "answer": (kind,)}
        id = str(row["id"])
        if kind == "count":
            text = f"How many times did they {row['activity']}?"
            return Question(id, text, target=str(row["count"]), groups=groups)
        if kind == "yes_no":
            text = str(row["step"] if task == "SSR" else row["question"])
            return Question(id, text, target="Yes" if int(row["type"]) else "No", groups=groups)
        options = without_prefixes([str(option) for option in row["options"]])
        answer = gold_letter(row["gt"], options, "place")
        return Question(id, str(row["question"]).strip(), options, answer, groups)


@dataclass(frozen=True)
class OneLinePrompt(PromptTemplate):
    """Options in one line, as the authors write them: "A. onion; B. leek;"."""

    def options(self, question: Question) -> str:
        """Each followed by a semicolon."""
        lines = [
            self.option.format(letter=letter(n), text=t) for n, t in enumerate(question.options)
        ]
        return "; ".join(lines) + ";"


@dataclass(frozen=True)
class MomentScorer:
    """The authors' rules for the forward tasks, value "accuracy": always 0 or 1.

    JoeLeelyf/OVO-Bench@c34093f, utils/OVOBenchScore.py. A count: all digits of the response,
    joined, are the number ("3 of 4" is 34). Yes or no: "Y" or "N" alone, or the right word occurs
    in it, by case ("No, not Yes" is right for both).
    """

    @property
    def value_names(self) -> tuple[str, ...]:
        """ "accuracy"."""
        return ("accuracy",)

    def score(self, question: Question, response: Response) -> Score:
        """No values where the label is hidden."""
        text, target = response.text, question.target
        if question.groups.get("answer") == ("count",):
            said = "".join(re.findall(r"\d+", text))
            right = said == str(target)
        else:
            said = text
            right = str(target) in text or (len(text) == 1 and text == str(target)[0])
        return Score({} if target is None else {"accuracy": float(right)}, said or None)

    def chance(self, question: Question) -> Mapping[str, float] | None:
        """One in two for yes or no; none is known for a count."""
        return {"accuracy": 0.5} if question.groups.get("answer") == ("yes_no",) else None
