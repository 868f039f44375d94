"""DREAM-1K: descriptions of 1,000 short clips of five sources, scored by the events they tell.

Wang et al. 2024 (Tarsier), arXiv 2407.00634, github.com/bytedance/tarsier (63de87a7). A judge lists
the events of a description, then says of each event of one text whether the other entails it.
Recall is the share of the reference's events that the description entails, precision the share of
the description's that the reference entails; neutral is a miss in both, and no events at all are
1. Both are means over sources of means; F1 is made of the two. A reply that cannot be read is
asked up to ten times there, and then leaves the clip out; here the clip is unscored.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.errors import DataError, JudgeError
from harness.metrics import Mean
from harness.scoring.judge_prompts import fill, judge_prompt, named
from harness.task import Row, Task
from harness.types import Clip, Estimate, Prompt, Question, Record, Response, Score

CLASSES = ("entailment", "neutral", "contradiction")


@dataclass(frozen=True)
class Dream1K(Task):
    """Rows with ``video``, ``description``, ``events`` (a list) and ``source``, made of tarsier's
    data/annotations/DREAM-1k.jsonl (whose own field names were not seen)."""

    def clip(self, row: Row) -> Clip:
        """The whole clip."""
        name = str(row["video"])
        return Clip(name, self.source.video(name))

    def question(self, row: Row) -> Question:
        """One group: the source. The reference's events are metadata."""
        events = row["events"]
        if not isinstance(events, list | tuple):
            raise DataError(f"events {events!r} are no list")
        return Question(
            str(row["place"]),
            "Describe the video in detail.",
            target=str(row["description"]),
            groups=row.groups("source"),
            metadata={"events": [str(event) for event in events]},
        )


@dataclass(frozen=True)
class EventScorer:
    """Values "recall" and "precision", from two or three replies of the judge."""

    @property
    def value_names(self) -> tuple[str, ...]:
        """ "recall" and "precision"."""
        return ("recall", "precision")

    def judge_prompts(self, question: Question, response: Response) -> Sequence[Prompt]:
        """The description's events, and the reference's events by the description."""
        caption = response.text.lower().replace('"', "'")
        extract = fill(named("dream_extract"), {"caption": caption})
        asked = [judge_prompt("extract", "", extract)]
        gold = _gold(question)
        return [*asked, _relate("recall", response.text, gold)] if gold else asked

    def more_prompts(
        self, question: Question, response: Response, replies: Sequence[str]
    ) -> Sequence[Prompt]:
        """The description's events by the reference, once they are known."""
        first = 2 if _gold(question) else 1
        found = events(replies[0])
        if len(replies) > first or not found:
            return []
        return [_relate("precision", str(question.target), found)]

    def most_more(self, question: Question) -> int:
        """One: the description's events, all in one prompt."""
        return 1

    def score_judged(self, question: Question, response: Response, replies: Sequence[str]) -> Score:
        """Raises JudgeError for a reply that is no list of as many events as were asked about."""
        gold, found = _gold(question), events(replies[0])
        recall = entailed(replies[1], len(gold)) if gold else 1.0
        precision = entailed(replies[-1], len(found)) if found else 1.0
        return Score({"recall": recall, "precision": precision}, found, "\n".join(replies))


@dataclass(frozen=True)
class F1:
    """2RP / (R + P) of the means over sources; undefined where both are 0."""

    name: str = "F1"
    unit: str = "%"
    higher_is_better: bool = True

    def estimate(self, records: Sequence[Record]) -> Estimate:
        """With an interval that leaves out each clip in turn (jackknife)."""
        units = {v: Mean(v, macro=("source",)).units(records) for v in ("recall", "precision")}
        keys = list(units["recall"])
        if not keys:
            return Estimate(math.nan, (math.nan, math.nan), 0, 0)
        values = np.array([[units[v][key].value for key in keys] for v in units])
        sources = [units["recall"][key].leaves[0][0] for key in keys]
        codes = np.unique([str(source) for source in sources], return_inverse=True)[1]
        sums = np.stack([np.bincount(codes, weights=row) for row in values])
        counts = np.bincount(codes)
        value = _f1(*(sums / counts).mean(axis=1))
        rest = [
            _f1(*((sums - _only(values[:, n], c, sums)) / (counts - _one(c, counts))).mean(axis=1))
            for n, c in enumerate(codes)
            if counts[c] > 1
        ]
        half = math.nan
        if len(rest) == len(keys) > 1:
            half = 1.96 * math.sqrt((len(rest) - 1) * float(np.var(rest)))
        bounds = (max(0.0, value - half), min(1.0, value + half)) if half == half else (half, half)
        return Estimate(value, bounds, len(keys), len(keys))


def events(reply: str) -> list[str]:
    """The events that the judge found. Raises JudgeError where there is no list of texts."""
    found = _parsed(reply).get("events")
    if not isinstance(found, list) or not all(isinstance(event, str) for event in found):
        raise JudgeError(f"the judge's reply lists no events: {reply[:120]!r}")
    return found


def entailed(reply: str, count: int) -> float:
    """The share of ``count`` events that are entailed. Raises JudgeError for another number of
    events, or a class that is none of the three."""
    found = _parsed(reply).get("events")
    classes = [one.get("relationship") for one in found or () if isinstance(one, dict)]
    if len(classes) != count or any(one not in CLASSES for one in classes):
        raise JudgeError(f"the judge's reply does not classify {count} events: {reply[:120]!r}")
    return classes.count("entailment") / count


def _parsed(reply: str) -> Mapping[str, Any]:
    """The dict in a reply, without a fence, a comma before a bracket, or words beside it."""
    inner = re.search(r"\{.*\}", re.sub(r"\s+", " ", reply), re.DOTALL)
    text = re.sub(r",\s*([\]}])", r"\1", inner[0]) if inner else ""
    for parse in (json.loads, ast.literal_eval):
        try:
            value = parse(text)
        except (ValueError, SyntaxError):
            continue
        if isinstance(value, dict):
            return value
    raise JudgeError(f"the judge's reply cannot be read: {reply[:120]!r}")


def _relate(key: str, description: str, known: Sequence[str]) -> Prompt:
    values = {"prediction": description, "events": repr(list(known))}
    return judge_prompt(key, "", fill(named("dream_relate"), values))


def _gold(question: Question) -> list[str]:
    known = question.metadata.get("events")
    return [str(event) for event in known] if isinstance(known, list | tuple) else []


def _f1(recall: float, precision: float) -> float:
    return 2 * recall * precision / (recall + precision) if recall + precision else math.nan


def _only(pair: Any, code: int, like: Any) -> Any:
    found = np.zeros_like(like)
    found[:, code] = pair
    return found


def _one(code: int, like: Any) -> Any:
    found = np.zeros_like(like)
    found[code] = 1
    return found
