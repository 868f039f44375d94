"""CG-Bench: questions about videos of half an hour, and the moments that hold their answers.

Chen et al. 2024, arXiv 2412.12075, github.com/CG-Bench/CG-Bench (f826608). 12,129 questions on
1,219 videos; ``mini`` 3,000 on 1,118. The data set is gated by its terms. Its modes:

- long_acc (``cgbench``): a letter, the whole video is shown.
- miou (``cgbench/clues``): where the clues are, up to five intervals; mIoU and rec@IoU. Every
  question is asked for its letter as well, so that acc@IoU (right, and an overlap of at least so
  much) needs no second run.
- clue_acc (``cgbench/clue_frames``): only the clue is shown. A clip here is one part of a video, so
  that questions with several clues (421 of mini's 3,000) are left out: compare it with long_acc of
  the group clues=one, never with a published clue_acc. CRR is ``clue_recovery``.
- open (``cgbench/open``): a judge compares texts. Where it wants to see the clue (its verdict 2),
  the authors show it frames; here that question stays unscored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any, Literal

from harness.errors import JudgeError
from harness.metrics import Mean, Unit, estimated
from harness.prompts import PromptTemplate
from harness.scoring.interval_sets import THRESHOLDS
from harness.scoring.judge_prompts import fill, judge_prompt, named
from harness.scoring.judge_slots import slots
from harness.scoring.subtitles import Cue
from harness.task import Row, Task, gold_letter
from harness.types import (
    Clip,
    Estimate,
    Part,
    Prompt,
    Question,
    Record,
    Response,
    Score,
    Text,
)

Mode = Literal["long_acc", "clue_acc", "clues", "open"]


def clue_recovery(long_acc: float, clue_acc: float) -> float:
    """CRR: how much of what the clue alone allows the whole video yields, 0..1."""
    return min(1.0, long_acc / clue_acc)


@dataclass(frozen=True)
class CGBench(Task):
    """Rows of cgbench_mini.json or cgbench.json, asked in one ``mode``."""

    mode: Mode = "long_acc"

    def rows(self) -> Iterator[Row]:
        """Two a question where clues are asked for, told apart by ``asked``: letter and clues."""
        for row in super().rows():
            if self.mode == "clue_acc" and len(row["clue_intervals"]) != 1:
                continue
            yield row.extended({"asked": "open" if self.mode == "open" else "letter"})
            if self.mode == "clues":
                yield row.extended({"asked": "clues"})

    def clip(self, row: Row) -> Clip:
        """The whole video, or the part that holds the clue."""
        name = str(row["video_uid"])
        video, subtitles = self.source.video(name), self.source.subtitles(name)
        if self.mode != "clue_acc":
            return Clip(name, video, subtitles=subtitles)
        ((start, end),) = row["clue_intervals"]
        segment = (float(start), float(end))
        return Clip(f"{name}@{start}-{end}", video, segment=segment, subtitles=subtitles)

    def question(self, row: Row) -> Question:
        """Groups: domain, category, how many clues (one or several), what is asked, its qid."""
        asked, clues = str(row["asked"]), row["clue_intervals"]
        options = tuple(str(option) for option in row["choices"])
        groups = {
            "domain": (str(row["domain"]),),
            "category": (str(row["sub_category"]),),
            "clues": ("one" if len(clues) == 1 else "several",),
            "asked": (asked,),
            "qid": (str(row["qid"]),),
        }
        text, id = str(row["question"]), str(row["qid"])
        if asked == "clues":
            moments = [[float(start), float(end)] for start, end in clues]
            return Question(f"{id}_clues", text, options, moments, groups)
        if asked == "open":
            return Question(id, text, target=str(row["answer"]), groups=groups)
        return Question(
            id, text, options, gold_letter(row["right_answer"], options, "letter"), groups
        )


@dataclass(frozen=True)
class TimedPrompt(PromptTemplate):
    """The template after the subtitles of the sampled frames with their times, and these frames'
    own times, as the authors write them."""

    def _text(self, question: Question, cues: Sequence[Cue], times: Sequence[float]) -> list[Part]:
        lines = dict.fromkeys(f"[{c.start:.3f}, {c.end:.3f}] {c.text}" for c in cues)
        lines = {re.sub(r"(\.\d+?)0+(?=[,\]])", r"\1", line, count=2): None for line in lines}
        said = "The subtitles of the video are as follows:\n\n" + "\n".join(lines) + "\n\n"
        stamps = ", ".join(str(round(time, 4)) for time in times)
        values = {
            "question": question.text,
            "subtitles": said if lines else "",
            "frames": len(times),
            "times": f"A total of {len(times)} frames are sampled. Their corresponding timestamps "
            f"are:\n\n{stamps}\n\n",
        }
        return [Text(self._template(question).format(options=self.options(question), **values))]


@dataclass(frozen=True)
class AccuracyAtIoU:
    """acc@IoU: the letter is right and the clues overlap by at least so much; the mean of 0.1 to
    0.5. A question of which one part does not count is left out."""

    name: str = "acc@IoU"
    unit: str = "%"
    higher_is_better: bool = True
    value: str = "accuracy"
    low: float = 0.0
    high: float = 1.0

    def estimate(self, records: Sequence[Record]) -> Estimate:
        """Clustered by video."""
        return estimated(self.units(records), self.low, self.high)

    def units(self, records: Sequence[Record]) -> Mapping[Hashable, Unit]:
        """One unit a qid: of several askings their means, as ``Mean`` has them."""
        letters: dict[str, list[float]] = {}
        clues: dict[str, list[float]] = {}
        videos: dict[str, str] = {}
        for record in records:
            qid = "".join(record.question.groups.get("qid", ()))
            if record.question.groups.get("asked") == ("clues",):
                if (iou := Mean("iou").worth(record)) is not None:
                    reached = sum(iou >= least for least in THRESHOLDS) / len(THRESHOLDS)
                    clues.setdefault(qid, []).append(reached)
                    videos[qid] = record.video
            elif (worth := Mean("accuracy").worth(record)) is not None:
                letters.setdefault(qid, []).append(worth)
        return {
            qid: Unit(fmean(letters[qid]) * fmean(reached), videos[qid])
            for qid, reached in clues.items()
            if qid in letters
        }


@dataclass(frozen=True)
class OpenScorer:
    """The judge's first step over texts: 0 wrong, 1 right; value "accuracy".

    CG-Bench/CG-Bench@f826608, run/utils.py. The authors take the first 0, 1 or 2 of a reply without
    a ```json block; here the reply must give one number. 2 (the judge wants to see the clue) is
    unscored.
    """

    system: str = "cgbench_open_step_1"
    user: str = "cgbench_open_user"

    @property
    def value_names(self) -> tuple[str, ...]:
        """ "accuracy"."""
        return ("accuracy",)

    def bounds(self, question: Question) -> Mapping[str, tuple[float, float]]:
        """Wrong or right."""
        return {"accuracy": (0.0, 1.0)}

    def judge_prompts(self, question: Question, response: Response) -> Sequence[Prompt]:
        """One, of one turn: the authors send both texts together."""
        said = replace(response, text=open_answer(response.text))
        user = named(self.system) + fill(named(self.user), slots(question, said))
        return [judge_prompt("verdict", "", user)]

    def score_judged(self, question: Question, response: Response, replies: Sequence[str]) -> Score:
        """ "accuracy". Raises JudgeError for 2, and for anything but one number."""
        (reply,) = replies
        found = set(re.findall(r"(?<![\w.])[012](?![\w.]*\d)", reply.split("</think>")[-1]))
        if len(found) != 1:
            raise JudgeError(f"the judge's reply is none of 0, 1, 2: {reply[:120]!r}")
        if found == {"2"}:
            raise JudgeError("the judge wants to see the clue, which it is not shown")
        return Score({"accuracy": float(found == {"1"})}, open_answer(response.text), reply)


def open_answer(text: str) -> str:
    """``result`` of the response's ```json block, else the whole response."""
    found = re.search(r"```json(.*?)```", text, re.DOTALL)
    if found:
        try:
            given: Any = json.loads(found[1].strip())
            return str(given["result"])
        except (ValueError, TypeError, KeyError):
            pass
    return text
