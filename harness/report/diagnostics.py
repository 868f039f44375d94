"""What no single score shows: does the model mean its option or its place in the list, and does it
say the same again?"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, variance
from typing import TYPE_CHECKING, Any

from harness import stats
from harness.metrics import Mean
from harness.names import several
from harness.types import Estimate, Metric, Record

if TYPE_CHECKING:
    from harness.report.summary import Summary

MOST_TRUNCATED = 0.05
"""The share of truncated responses above which a run complains."""


@dataclass(frozen=True)
class Consistency:
    """A run in which options were rotated.

    ``questions`` were asked in several rotations; ``consistent`` is the share of them whose answers
    all name the same option, ``accuracy`` the share answered right in *every* rotation; ``chosen``
    and ``right`` are the shares of answers and of right options at each letter, and ``bias`` is how
    far they lie apart: half the sum of their absolute differences, 0..1 (total variation).
    """

    questions: int
    consistent: Estimate
    accuracy: Estimate
    chosen: Mapping[str, float]
    right: Mapping[str, float]
    bias: float

    @classmethod
    def from_json(cls, plain: Mapping[str, Any] | None) -> Consistency | None:
        """From summary.json; None from null."""
        if plain is None:
            return None
        kept = {**plain, "consistent": _read(plain["consistent"])}
        return cls(**kept | {"accuracy": _read(plain["accuracy"])})


@dataclass(frozen=True)
class Repeats:
    """A run in which every question was asked several times.

    ``times`` each; ``mean`` is the mean score (questions within videos); ``variance`` the mean over
    questions of the variance of their scores; ``majority`` the score of the commonest answer (the
    mean over the commonest where several are); ``best`` that of the best asking: pass@n.
    """

    questions: int
    times: int
    mean: Estimate
    variance: float
    majority: Estimate
    best: Estimate

    @classmethod
    def from_json(cls, plain: Mapping[str, Any] | None) -> Repeats | None:
        """From summary.json; None from null."""
        if plain is None:
            return None
        estimates = {name: _read(plain[name]) for name in ("mean", "majority", "best")}
        return cls(**{**plain, **estimates})


def diagnosed(summary: Summary) -> list[str]:
    """What has to be said beside a run's number, one line each; the same in every view."""
    lines = []
    if found := summary.consistency:
        lines.append(
            f"{found.questions} questions asked with their options in several orders: "
            f"{_percent(found.accuracy)} right in every one (consistent accuracy), "
            f"{_percent(found.consistent)} the same option in every one; the letters chosen lie "
            f"{100 * found.bias:.1f} points from the right ones (position bias)"
        )
    if again := summary.repeats:
        lines.append(
            f"{again.questions} questions asked {again.times} times: mean {_percent(again.mean)}, "
            f"variance within a question {again.variance:.3g}, majority vote "
            f"{_percent(again.majority)}, best of {again.times} (pass@{again.times}) "
            f"{_percent(again.best)}"
        )
    if said := cut_off(summary):
        lines.append(said)
    if summary.complete and summary.unscored:
        lines.append(
            f"{several(summary.unscored, 'response')} without a verdict of the judge: few enough "
            "for a complete run; left out of its number, and inside its bounds"
        )
    if summary.unlabelled:
        lines.append(
            f"{summary.unlabelled} responses were read, but their labels are hidden: there is "
            "nothing to score here; `harness export` writes what the benchmark's server takes"
        )
    lines += [
        f"{name} is over the {found.estimate.n} questions whose responses could be read: "
        f"{found.left_out} unparsed are left out, for it has no worst score to give them"
        for name, found in summary.metrics.items()
        if found.left_out
    ]
    if shown := summary.subtitles:
        lines.append(f"{shown['with']} of {shown['questions']} questions were shown subtitles")
    return lines


def cut_off(summary: Summary) -> str:
    """What is said where too many responses were cut off; empty otherwise."""
    answers = summary.scored + summary.unparsed + summary.truncated + summary.unlabelled
    if summary.truncated <= MOST_TRUNCATED * max(answers, 1):
        return ""
    return (
        f"{summary.truncated} of {several(answers, 'response')} were cut off before their answer: "
        "raise generation.max_new_tokens"
    )


def consistency(records: Sequence[Record]) -> Consistency | None:
    """Of a run with rotated options; None for any other. Only labelled choices that were answered
    in every one of their rotations count."""
    asked: dict[tuple[str, int], list[Record]] = {}
    for record in records:
        asked.setdefault((record.question.id, record.question.repeat), []).append(record)
    groups = [group for group in asked.values() if len(group) > 1 and all(map(_readable, group))]
    if not groups:
        return None
    videos = [group[0].video for group in groups]
    turned = [record for group in groups for record in group]
    chosen = _shares([_answer(record) for record in turned])
    right = _shares([record.question.target for record in turned])
    letters = chosen.keys() | right.keys()
    return Consistency(
        len({group[0].question.id for group in groups}),
        stats.accuracy([float(_same(group)) for group in groups], videos),
        stats.accuracy([float(all(map(_right, group))) for group in groups], videos),
        chosen,
        right,
        sum(abs(chosen.get(x, 0.0) - right.get(x, 0.0)) for x in letters) / 2,
    )


def repeats(records: Sequence[Record], metric: Metric) -> Repeats | None:
    """Of a run that asks each question several times; None for any other."""
    rule = replace(metric, macro=()) if isinstance(metric, Mean) else None
    if rule is None or not any(record.question.repeat for record in records):
        return None
    asked: dict[tuple[str, int], list[tuple[Record, float]]] = {}
    for record in records:
        worth = rule.worth(record)
        if worth is not None:
            key = (record.question.id, record.question.rotation)
            asked.setdefault(key, []).append((record, worth))
    if not asked:
        return None
    videos = [group[0][0].video for group in asked.values()]
    scores = [[worth for _, worth in group] for group in asked.values()]
    pick = max if metric.higher_is_better else min

    def estimate(values: Sequence[float]) -> Estimate:
        return stats.accuracy(values, videos, low=rule.low, high=rule.high)

    return Repeats(
        len({id for id, _ in asked}),
        max(map(len, scores)),
        estimate([fmean(some) for some in scores]),
        fmean(variance(some) if len(some) > 1 else 0.0 for some in scores),
        estimate([_majority(group) for group in asked.values()]),
        estimate([pick(some) for some in scores]),
    )


def _majority(group: Sequence[tuple[Record, float]]) -> float:
    said: dict[str, list[float]] = {}
    for record, worth in group:
        answer = record.score.answer if record.score else None
        said.setdefault(json.dumps(answer, sort_keys=True), []).append(worth)
    most = max(map(len, said.values()))
    return fmean(fmean(worths) for worths in said.values() if len(worths) == most)


def _readable(record: Record) -> bool:
    known = record.question.options and record.question.target is not None
    return bool(known) and record.status in ("scored", "unparsed")


def _answer(record: Record) -> object:
    return record.score.answer if record.score else None


def _right(record: Record) -> bool:
    return _answer(record) is not None and _answer(record) == record.question.target


def _same(group: Sequence[Record]) -> bool:
    texts = {_text(record) for record in group}
    return len(texts) == 1 and None not in texts


def _text(record: Record) -> str | None:
    answer, options = _answer(record), record.question.options
    place = ord(answer) - ord("A") if isinstance(answer, str) and len(answer) == 1 else -1
    return options[place] if 0 <= place < len(options) else None


def _shares(letters: Sequence[object]) -> dict[str, float]:
    counts = Counter(letter for letter in letters if isinstance(letter, str))
    return {letter: counts[letter] / counts.total() for letter in sorted(counts)}


def _read(plain: Mapping[str, Any]) -> Estimate:
    low, high = (math.nan if x is None else float(x) for x in plain["ci95"])
    value = math.nan if plain["value"] is None else float(plain["value"])
    return Estimate(value, (low, high), int(plain["n"]), int(plain["clusters"]))


def _percent(found: Estimate) -> str:
    low, high = found.ci95
    if math.isnan(low):
        return f"{100 * found.value:.1f}"
    return f"{100 * found.value:.1f} [{100 * low:.1f}, {100 * high:.1f}]"
