"""Answers that are moments of a video: temporal grounding by overlap in time.

The target is a list of one interval [start, end] in seconds. Values: "iou" (0..1), and "r@0.3",
"r@0.5", "r@0.7": whether it is at least that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.errors import RequestError
from harness.names import unknown
from harness.types import Question, Response, Score

Interval = tuple[float, float]
THRESHOLDS = (0.3, 0.5, 0.7)

CLOCK = r"(?:\d{1,2}:)?\d{1,2}:\d{2}(?:\.\d+)?"
NUMBER = r"\d+(?:\.\d+)?"
TIME = rf"(?:{CLOCK}|{NUMBER})"
UNIT = r"(?:\s*(?:seconds?|secs?|s))?"
BETWEEN = r"\s*(?:-+|–|—|−|\bto\b|\band\b|\buntil\b|,)\s*"
LABEL = r"(?:start|begin)\w*(?:\s+time)?[^\d\n]{0,20}"
ENDED = r"(?:end|finish|stop)\w*(?:\s+time)?[^\d\n]{0,20}"

# of the sources' own rules
HMS = r"\d{1,2}:\d{2}(?::\d{2})?"
CLOCKS = rf"\b({HMS})\s*[–-]\s*({HMS})\b"
PLAIN = rf"({NUMBER})\s*[–-]\s*({NUMBER})"


def overlap(first: Interval, second: Interval) -> float:
    """Intersection over union of two intervals in seconds; 0 when either has no length, or ends
    before it starts."""
    shared = min(first[1], second[1]) - max(first[0], second[0])
    whole = max(first[1], second[1]) - min(first[0], second[0])
    return max(0.0, shared) / whole if whole > 0 else 0.0


def seconds(text: str) -> float:
    """ "83.5", "1:23.5" or "0:01:23.5" in seconds."""
    value = 0.0
    for part in text.split(":"):
        value = value * 60 + float(part)
    return value


def the_interval(text: str) -> Interval | None:
    """The moment that a response names, read as a careful human would; None: none, or many.

    "24.3 - 30.4", "from 00:24 to 00:30", "between 3 and 9 seconds", "[3, 9]", "starts at 3 … ends
    at 9". A range in seconds is preferred to one that counts frames. Of several different ranges,
    none is the answer.
    """
    lower = re.sub(rf"frames?\s*{NUMBER}{BETWEEN}{NUMBER}", " ", text.lower())
    pattern = rf"(?<![\d.:])({TIME}){UNIT}{BETWEEN}({TIME})(?![\d:])"
    found = [(seconds(a), seconds(b)) for a, b in re.findall(pattern, lower)]
    if not found:
        starts = re.findall(rf"{LABEL}({TIME})", lower)
        ends = re.findall(rf"{ENDED}({TIME})", lower)
        found = [(seconds(a), seconds(b)) for a, b in zip(starts, ends, strict=False)]
    found = list(dict.fromkeys(_ordered(pair) for pair in found))
    return found[0] if len(found) == 1 else None


def charades_lmms(text: str) -> Interval | None:
    """lmms-eval's rule for Charades-STA: the first range, in a sentence about an event if any.

    lmms-eval@75571cfe, lmms_eval/tasks/charades_sta/utils.py. Every "to" becomes "-", also within
    words; sentences end at ! ? and new lines only, and are about an event when they hold start,
    end (a "weekend" too) or happen. Ranges of clocks come first, then of numbers, two clocks, the
    first number of two sentences each ("3.2s" is 3), and ranges with an s ("3.2s - 9s").
    "between 3 and 9" and "starts at 3 seconds and ends at 9" are nothing; frame numbers are taken
    for seconds.
    """
    about, sentences = _charades_sentences(text)
    about = about or sentences
    ranges = _first(about, CLOCKS) or _first(about, PLAIN)
    times = [seconds(time) for one in about for time in re.findall(rf"\b{HMS}\b", one)]
    return _charades(about, ranges or _pair(times))


def charades_tvg(text: str) -> Interval | None:
    """Its offline script: only sentences that hold start, end or happen are read; no clocks but
    the numbers in them ("00:03 - 00:09" is 0 to 3). lmms_eval/tasks/charades_sta/eval_tvg.py."""
    about, _ = _charades_sentences(text)
    return _charades(about, _first(about, PLAIN))


def _charades_sentences(text: str) -> tuple[list[str], list[str]]:
    """Those about an event, and all; without the example that an early prompt gave."""
    text = text.lower().replace("a specific example is : 20.8 - 30.0 seconds", "")
    sentences = re.split(r"[!?\n]", text.replace("to", "-"))
    return [one for one in sentences if re.search("start|end|happen", one)], sentences


def _charades(about: Sequence[str], found: Interval | None) -> Interval | None:
    """What was found, in order; else what both of the rules try last."""
    if found is None:
        firsts = (re.search(rf"\b{NUMBER}\b", one) for one in about)
        found = _pair([float(first[0]) for first in firsts if first])
    found = found or _first(about, rf"({NUMBER})\s*s?\s*[–-]\s*({NUMBER})")
    return _ordered(found) if found else None


def _first(sentences: Iterable[str], pattern: str) -> Interval | None:
    """The first range of the first sentence that has one."""
    for sentence in sentences:
        if found := re.search(pattern, sentence):
            return seconds(found[1]), seconds(found[2])
    return None


def _pair(times: Sequence[float]) -> Interval | None:
    return (times[0], times[1]) if len(times) >= 2 else None


def timelens(text: str) -> Interval | None:
    """TimeLens-Bench's rule: clocks in pairs, else "a - b", else "a to b", else numbers in pairs.

    TencentARC/TimeLens@5d90c06, timelens/utils.py. Only the first pair; one that does not end
    after it starts has IoU 0. A number with a letter beside it ("3s") is in no pair of the last.
    """
    clocks = re.findall(rf"\b{HMS}(?:\.\d+)?\b", text)
    ranges = (rf"(\d+\.?\d*){between}(\d+\.?\d*)" for between in (r"\s*-\s*", r"\s+to\s+"))
    found = _pair([seconds(clock) for clock in clocks])
    for pattern in ranges:
        found = found or _first([text.lower()], pattern)
    return found or _pair([float(number) for number in re.findall(rf"\b{NUMBER}\b", text)])


RULES = {
    "default": the_interval,
    "charades_lmms": charades_lmms,
    "charades_tvg": charades_tvg,
    "timelens": timelens,
}


@dataclass(frozen=True)
class IntervalScorer:
    """One moment against the target's. Raises RequestError for an unknown ``rule``."""

    rule: str = "default"

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise RequestError(f"task.scorer.rule={self.rule}: {unknown(self.rule, RULES)}")

    @property
    def value_names(self) -> tuple[str, ...]:
        """ "iou", and "r@0.3" and the others."""
        return ("iou", *recalls(0.0))

    def score(self, question: Question, response: Response) -> Score:
        """No values where no moment can be read, or where the target is hidden."""
        said = RULES[self.rule](response.text)
        target = targets(question)
        if said is None or not target:
            return Score({}, list(said) if said else None)
        iou = overlap(said, target[0])
        return Score({"iou": iou, **recalls(iou)}, list(said))

    def problem(self, question: Question) -> str | None:
        """A target that is no interval with a length."""
        if question.target is None:
            return None
        found = targets(question)
        good = len(found) == 1 and found[0][0] < found[0][1]
        return None if good else f"its answer {question.target!r} is no [[start, end]] in seconds"


def recalls(iou: float) -> Mapping[str, float]:
    """ "r@0.3" and the others."""
    return {f"r@{threshold}": float(iou >= threshold) for threshold in THRESHOLDS}


def targets(question: Question) -> list[Interval]:
    """The target's intervals; none where it holds something else."""
    given = question.target
    if not isinstance(given, Sequence) or isinstance(given, str):
        return []
    found: list[Interval] = []
    for pair in given:
        if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
            return []
        start, end = pair
        if not isinstance(start, int | float) or not isinstance(end, int | float):
            return []
        found.append((float(start), float(end)))
    return found


def _ordered(pair: Interval) -> Interval:
    return (pair[1], pair[0]) if pair[1] < pair[0] else pair
