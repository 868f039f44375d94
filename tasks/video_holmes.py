"""Video-Holmes: questions about suspense films that need clues put together, 6 options (1,837).

Cheng et al. 2025, arXiv 2505.21374, github.com/TencentARC/Video-Holmes (52ef8da2). Licence
Apache-2.0. The authors label the reasoning by a judge (deepseek-chat) beside the score:
``video_holmes/reasoning``.
Their rule for the letter prefers earlier letters ("C: because A is wrong" is A).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import DataError, JudgeError
from harness.prompts import PromptTemplate
from harness.scoring.extractors import EXTRACTORS
from harness.scoring.judge_prompts import fill, judge_prompt, named
from harness.scoring.options import letter
from harness.task import Row
from harness.types import JSON, Prompt, Question, Response, Score
from tasks.choice_qa import ChoiceQA


@dataclass(frozen=True)
class HolmesPrompt(PromptTemplate):
    """The options in one line, "A: …, B: …"."""

    def options(self, question: Question) -> str:
        """One line."""
        return ", ".join(f"{letter(n)}: {text}" for n, text in enumerate(question.options))


LABELS = {True: ("TRAR", "TWAR"), False: ("VPE", "VOE", "RE", "TRAW")}
"""What a judge may call the reasoning behind a right answer, and behind a wrong one."""


@dataclass(frozen=True)
class VideoHolmes(ChoiceQA):
    """The rows with what a judge of the reasoning is shown: the explanation of the right answer,
    and the film's plot from ``annotations``, a folder with a JSON file a film (the data set's
    ``Benchmark/annotations``), under SegmentDescription."""

    annotations: str | None = None

    def question(self, row: Row) -> Question:
        """Metadata: explanation, plot (where there is one). Raises DataError for a file without."""
        made = super().question(row)
        metadata: dict[str, JSON] = {"explanation": str(row.get("Explanation") or "")}
        if self.annotations is not None:
            metadata["plot"] = self._plot(str(row["video ID"]))
        return replace(made, metadata=metadata)

    def _plot(self, video: str) -> str:
        file = Path(str(self.annotations)) / f"{video}.json"
        try:
            found = json.loads(file.read_text(encoding="utf-8"))["SegmentDescription"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{file}: no SegmentDescription to be read ({error!r})") from error
        return json.dumps(found, ensure_ascii=False)


@dataclass(frozen=True)
class ReasoningScorer:
    """The letter by the authors' rule, "accuracy"; and what a judge calls the reasoning before it.

    Values "TRAR", "TWAR" (right; by right or wrong thinking), "VPE", "VOE", "RE", "TRAW" (wrong:
    seen wrongly, overlooked, reasoned wrongly, thought rightly): 1 for the label, 0 for the others
    that the judge could choose. Without thinking, or with no letter, the judge is not asked.
    TencentARC/Video-Holmes@7bb2ed05, evaluate_reasoning.py, keeps any text between the tags; here
    another label than these is a failure of the judge.
    """

    extractor: str = "video_holmes"

    @property
    def value_names(self) -> tuple[str, ...]:
        """ "accuracy", and the labels."""
        return ("accuracy", *LABELS[True], *LABELS[False])

    def judge_prompts(self, question: Question, response: Response) -> Sequence[Prompt]:
        """One, by whether the answer is right. Raises JudgeError where the plot is missing."""
        said, thought = self._letter(question, response), thinking(response)
        if said is None or not thought or question.target is None:
            return []
        if "plot" not in question.metadata:
            raise JudgeError(
                f"{question.id}: a judge is shown the film's plot: write task.annotations=FOLDER"
            )
        options = ", ".join(f"{letter(n)}: {text}" for n, text in enumerate(question.options))
        values = {
            "plot": str(question.metadata["plot"]),
            "question": question.text,
            "options": options,
            "answer": str(question.target),
            "explanation": str(question.metadata.get("explanation", "")),
            "pred": said,
            "thinking": thought,
        }
        right = "right" if said == question.target else "wrong"
        user = named(f"holmes_{right}_prompt") + fill(named("holmes_information"), values)
        return [judge_prompt("reasoning", "You are a helpful assistant", user)]

    def score_judged(self, question: Question, response: Response, replies: Sequence[str]) -> Score:
        """ "accuracy", and the labels where the judge was asked. Raises JudgeError."""
        said = self._letter(question, response)
        if said is None or question.target is None:
            return Score({}, said)
        right = said == question.target
        values = {"accuracy": float(right)}
        if replies:
            label = reasoning_label(replies[0], LABELS[right])
            values |= {name: float(name == label) for name in LABELS[right]}
        return Score(values, said, "\n".join(replies))

    def _letter(self, question: Question, response: Response) -> str | None:
        return EXTRACTORS[self.extractor](response.text, question.options)


def thinking(response: Response) -> str:
    """What was thought before the answer: kept apart by the model, or between its tags."""
    found = re.search(r"<think>(.*?)</think>", response.text, re.DOTALL)
    return response.thinking.strip() or (found[1].strip() if found else "")


def reasoning_label(reply: str, known: Sequence[str]) -> str:
    """The one of ``known`` between the last <Type> tags. Raises JudgeError for none or several."""
    typed = re.findall(r"<Type>(.*?)</Type>", reply, re.DOTALL)
    found = [name for name in known if typed and re.search(rf"\b{name}\b", typed[-1])]
    if len(found) != 1:
        raise JudgeError(
            f"the judge's reply names none of {', '.join(known)} in <Type>: {reply[:120]!r}"
        )
    return found[0]
