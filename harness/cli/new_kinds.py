"""What a benchmark of one's own is made of, by the kind of its answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

CHOICE = """\
{question}
{options}
Answer with the option's letter from the given choices directly."""


@dataclass(frozen=True)
class Recipe:
    """A ``template``, a ``scorer`` with its ``metrics`` (none: accuracy) as a YAML file has them,
    how long a response may be, and a ``note`` on what the number will be worth."""

    template: str
    scorer: Mapping[str, Any]
    note: str
    metrics: Sequence[Mapping[str, Any]] = ()
    max_new_tokens: int = 16

    def settings(self) -> dict[str, Any]:
        """Prompt, scorer, metrics and length of a task's YAML; what is the default is left out."""
        made: dict[str, Any] = {
            "prompt": {"_target_": "harness.prompts.PromptTemplate", "template": self.template},
            "scorer": dict(self.scorer),
        }
        if self.metrics:
            mean = {"_target_": "harness.metrics.Mean"}
            made["metrics"] = [mean | dict(metric) for metric in self.metrics]
        return made | ({"max_new_tokens": self.max_new_tokens} if self.max_new_tokens != 16 else {})


_NUMBERS = Recipe(
    "{question}\nAnswer with a single number.",
    {"_target_": "harness.scoring.numbers.NumberScorer", "name": "mean_relative_accuracy"},
    "numbers, scored by how near they are (VSI-Bench's mean relative accuracy); for the very "
    "number write task.scorer.exact=true",
    [{"value": "mean_relative_accuracy"}],
)
_EXACT = Recipe(
    _NUMBERS.template,
    {"_target_": "harness.scoring.numbers.NumberScorer", "exact": True},
    "numbers, right only when they are the very number: a relative error has no meaning where an "
    "answer is 0 or below",
)
RECIPES: Mapping[str, Recipe] = {
    "choice": Recipe(
        CHOICE, {"_target_": "harness.scoring.choice.ChoiceScorer"}, "letters of the options"
    ),
    "yes-no": Recipe(
        "{question}\nAnswer yes or no.",
        {"_target_": "harness.scoring.choice.ChoiceScorer"},
        "yes or no; guessing scores 50",
    ),
    "moment": Recipe(
        "{question}\nAnswer with the moment's start and end in seconds, as in 12.5 - 17.0.",
        {"_target_": "harness.scoring.intervals.IntervalScorer"},
        "moments, scored by their overlap in time (mean IoU, and how often it is at least 0.3, "
        "0.5 and 0.7)",
        [{"value": "iou", "name": "mIoU"}, *({"value": f"r@0.{n}"} for n in (3, 5, 7))],
        50,
    ),
    "text": Recipe(
        "{question}\nAnswer with a word or a short phrase.",
        {"_target_": "harness.scoring.references.ReferenceScorer"},
        "short texts, right only when the response is the same but for case, articles and "
        "punctuation: a synonym counts as wrong, so the number is a lower bound. With --answers "
        "judged a judge reads them",
        max_new_tokens=32,
    ),
    "judged": Recipe(
        "{question}",
        {
            "_target_": "harness.scoring.judged.YesNoScorer",
            "system": "activitynetqa_system",
            "user": "activitynetqa_user",
        },
        "open texts, scored by a judge with ActivityNet-QA's published prompt: a run needs "
        "judge=NAME, and its numbers compare with those of the same judge only",
        [{"value": "accuracy"}, {"value": "score", "unit": "", "high": 5.0}],
        128,
    ),
}


def recipe(kind: str, answers: Sequence[Any]) -> Recipe:
    """The recipe for answers of this kind: one of ``harness.data.answers.KINDS``."""
    if kind == "number":
        return _NUMBERS if all(float(answer) > 0 for answer in answers) else _EXACT
    found = RECIPES[kind]
    if not answers:
        return replace(found, note="none: questions are asked, and nothing is scored")
    return found
