"""A judge without weights: the words that the prediction shares with the right answer.

For tests, for plans, and as the baseline that a real judge has to beat. It understands the prompts
of Video-ChatGPT's family (ActivityNet-QA, the five axes, VDD, CVRR-ES) and replies in their form.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.errors import RequestError
from harness.scoring.references import plain
from harness.types import JSON, Failure, Generation, Prompt, Response, Sample, Usage

ANSWER = re.compile(r"^(?:Ground truth correct|Correct) Answer: (.*?)$", re.MULTILINE)
PREDICTION = re.compile(
    r"^Predicted Answer(?: to Question \d)?: (.*?)(?=\n\n|\nPredicted Answer|\Z)", re.M | re.S
)


@dataclass(frozen=True)
class WordOverlap:
    """Score 0 to 5 by the F1 of words (5 times, rounded); yes, or correct, from ``threshold`` on.

    Two predictions (consistency) count as the worse of both. A prompt of another form is a failure.
    """

    threshold: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise RequestError(f"judge.threshold={self.threshold}: write a number up to 1")

    def identity(self) -> dict[str, JSON]:
        """The rule and its threshold."""
        return {"rule": "word overlap", "threshold": self.threshold}

    def generate(
        self, samples: Iterable[Sample], generation: Generation
    ) -> Iterator[Response | Failure]:
        """One reply for every prompt, in order."""
        for sample in samples:
            for prompt in sample.prompts:
                yield self._reply(prompt)

    def _reply(self, prompt: Prompt) -> Response | Failure:
        text = prompt.text
        answer, predictions = ANSWER.search(text), PREDICTION.findall(text)
        if answer is None or not predictions:
            return Failure(prompt.key, "judge", "judge=word_overlap cannot read this prompt")
        shared = min(f1(answer[1], prediction) for prediction in predictions)
        score, right = round(5 * shared), shared >= self.threshold
        reply: dict[str, JSON] = {"score": score}
        if "'correct' or 'incorrect'" in text:
            pred = "correct" if right else "incorrect"
            reply = {"pred": pred, "score": score, "reason": f"{shared:.2f} of the words"}
        elif "'yes' or 'no'" in text:
            reply = {"pred": "yes" if right else "no", "score": score}
        usage = Usage(len(text.split()), len(reply))
        return Response(prompt.key, str(reply), usage=usage)


def f1(answer: str, prediction: str) -> float:
    """The harmonic mean of precision and recall of words; 0 for a blank text."""
    one, two = (Counter(plain(text).split()) for text in (answer, prediction))
    shared = (one & two).total()
    return 2 * shared / (one.total() + two.total()) if shared else 0.0
