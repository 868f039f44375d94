"""Video-MMMU: lectures, and whether a model can learn from them. 3 tracks of 300 questions.

Hu et al. 2025, arXiv 2501.13826, github.com/EvolvingLMMs-Lab/VideoMMMU (88b4ac3e). Perception and
comprehension are multiple choice with 10 options; adaptation is partly open, scored by MMMU's rule
(a gold text that is *contained* is right). The picture of an adaptation question is the last frame
of the video: sampling must show it (``linspace`` does). Overall is the mean of the tracks.

Δknowledge = (adaptation - question_only) / (100 - question_only) compares two runs: this one and
``videommmu/question_only``, which shows the 2-second clip of the question's picture alone. There a
blank open response leaves the denominator; here it counts as wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.errors import DataError
from harness.task import Row, Task, gold_letter, without_prefixes
from harness.types import Clip, Question

AREAS = {
    "Art": "Art", "Art_Theory": "Art", "Design": "Art", "Music": "Art",
    "Accounting": "Business", "Economics": "Business", "Finance": "Business",
    "Manage": "Business", "Marketing": "Business",
    "Biology": "Science", "Chemistry": "Science", "Geography": "Science", "Math": "Science",
    "Physics": "Science",
    "Basic_Medical_Science": "Medicine", "Clinical_Medicine": "Medicine",
    "Diagnostics_and_Laboratory_Medicine": "Medicine", "Pharmacy": "Medicine",
    "Public_Health": "Medicine",
    "History": "Humanities", "Literature": "Humanities", "Psychology": "Humanities",
    "Sociology": "Humanities",
    "Agriculture": "Engineering", "Architecture_and_Engineering": "Engineering",
    "Computer_Science": "Engineering", "Electronics": "Engineering",
    "Energy_and_Power": "Engineering", "Materials": "Engineering",
    "Mechanical_Engineering": "Engineering",
}  # fmt: skip
"""MMMU's six areas of its thirty subjects; the videos lie in a folder each."""


def delta_knowledge(adaptation: float, question_only: float) -> float:
    """What the lecture added of what was missing, in %; both accuracies in %."""
    return 100 * (adaptation - question_only) / (100 - question_only)


@dataclass(frozen=True)
class VideoMMMU(Task):
    """Rows of lmms-eval/VideoMMMU, each with its track under ``config``.

    ``question_only`` shows the clip of the question's picture instead of the lecture.
    """

    question_only: bool = False

    def clip(self, row: Row) -> Clip:
        """Area/id, after the subject in the middle of the id."""
        id = str(row["id"])
        subject = id.split("_", 1)[-1].rsplit("_", 1)[0]
        if self.question_only:
            return Clip(name := f"question_only/{id}_image", self.source.video(name))
        if subject not in AREAS:
            raise DataError(f"the id {id!r} names no subject of MMMU")
        return Clip(name := f"{AREAS[subject]}/{id}", self.source.video(name))

    def question(self, row: Row) -> Question:
        """Groups: track, and its kind: choice, or adaptation's choice and open."""
        track = str(row["config"]).lower()
        given: Any = row.get("options")
        options = without_prefixes([str(option) for option in (given if given is not None else ())])
        # perception rows name no type, or "perception": they are multiple choice all the same
        kind = "choice" if options else "open"
        answer = str(row["answer"]).strip()
        return Question(
            str(row["id"]),
            str(row["question"]).strip(),
            options,
            gold_letter(answer, options, "letter") if options else answer,
            {
                "track": (track,),
                "kind": (kind,),
                "asked": (f"adaptation_{kind}" if track == "adaptation" else track,),
            },
        )
