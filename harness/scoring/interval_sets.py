"""Answers that are several moments of a video: CG-Bench's clue intervals.

The target is a list of intervals [start, end] in seconds. Values: "iou" (0..1) of the two unions,
"rec@0.1" to "rec@0.5" (whether it is at least that), and "rec", their mean.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.errors import RequestError
from harness.names import unknown
from harness.scoring.intervals import Interval, seconds, targets
from harness.types import Question, Response, Score

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5)
MOST = 5
"""As many intervals as the prompt allows; the authors' code counts further ones too."""

_BLOCK = re.compile(r"```json(.*?)```", re.DOTALL)
_PAIR = re.compile(
    r"(?<![\d.:])((?:\d+:)*\d+(?:\.\d+)?)\s*(?:s|sec|seconds)?\s*(?:-|–|—|,|\bto\b|\band\b)\s*"
    r"((?:\d+:)*\d+(?:\.\d+)?)(?![\d:])"
)


def merged(intervals: Sequence[Interval]) -> list[Interval]:
    """Those that touch as one, in order."""
    found: list[Interval] = []
    for start, end in sorted(intervals):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def union_overlap(first: Sequence[Interval], second: Sequence[Interval]) -> float:
    """Intersection over union of the two unions, in seconds; 0 when neither has a length.

    CG-Bench/CG-Bench@f826608, run/utils.py.
    """
    one, two = merged(first), merged(second)
    shared = sum(max(0.0, min(a[1], b[1]) - max(a[0], b[0])) for a in one for b in two)
    whole = sum(end - start for start, end in (*one, *two)) - shared
    return shared / whole if whole > 0 else 0.0


def cgbench(text: str) -> list[Interval] | None:
    """``result`` of the first ```json block; else all numbers of the response in pairs.

    CG-Bench/CG-Bench@f826608, run/utils.py. None (there: out of the denominator) for an odd count
    of numbers and for a block without pairs. "None of it, 0.0" has one number: None.
    """
    found = _BLOCK.search(text)
    if found:
        try:
            given = json.loads(found[1].strip())["result"]
            return [(float(start), float(end)) for start, end in given]
        except (ValueError, TypeError, KeyError):
            pass
    numbers = [float(number) for number in re.findall(r"-?\d+\.?\d*", text)]
    if len(numbers) % 2 or not text:
        return None
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def the_intervals(text: str) -> list[Interval] | None:
    """The moments that a response names, as a careful human would read them; None: none.

    A list in JSON, or ranges ("3 - 9 s", "00:03 to 00:09"). Only the first ``MOST`` count.
    """
    found = [
        (min(pair), max(pair))
        for pair in ((seconds(a), seconds(b)) for a, b in _PAIR.findall(text))
    ]
    kept = [pair for pair in dict.fromkeys(found) if pair[0] < pair[1]]
    return kept[:MOST] or None


RULES = {"default": the_intervals, "cgbench": cgbench}


@dataclass(frozen=True)
class IntervalSetScorer:
    """Several moments against the target's. Raises RequestError for an unknown ``rule``."""

    rule: str = "default"

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise RequestError(f"task.scorer.rule={self.rule}: {unknown(self.rule, RULES)}")

    @property
    def value_names(self) -> tuple[str, ...]:
        """ "iou", "rec", and "rec@0.1" and the others."""
        return ("iou", *recalls(0.0))

    def score(self, question: Question, response: Response) -> Score:
        """No values where no moment can be read, or where the target is hidden."""
        said, target = RULES[self.rule](response.text), targets(question)
        if said is None or not target:
            return Score({}, [list(pair) for pair in said] if said else None)
        iou = union_overlap(said, target)
        return Score({"iou": iou, **recalls(iou)}, [list(pair) for pair in said])

    def problem(self, question: Question) -> str | None:
        """A target without intervals, or with one that has no length."""
        if question.target is None:
            return None
        found = targets(question)
        good = bool(found) and all(start < end for start, end in found)
        return None if good else f"its answer {question.target!r} is no [[start, end], …]"


def recalls(iou: float) -> Mapping[str, float]:
    """ "rec@0.1" and the others, and their mean "rec"."""
    reached = {f"rec@{threshold}": float(iou >= threshold) for threshold in THRESHOLDS}
    return {**reached, "rec": sum(reached.values()) / len(reached)}
