"""A run's records as a page needs them: short keys, a clip's frames once, no copy of a prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.metrics import Summing
from harness.report import tables
from harness.report.page.frames import place as folder
from harness.report.page.frames import seen
from harness.report.page.judge import conversations
from harness.report.runs import Run
from harness.scoring.choice import ChoiceScorer
from harness.scoring.extractors import EXTRACTORS
from harness.types import Metric, Record


def samples(run: Run, second: Run | None = None) -> dict[str, Any]:
    """``rows``, one per question, and what rows point to: ``clips``, the frames as the model was
    shown them with their times, and ``texts`` of the judge's prompts.

    With a ``second`` run each row also holds its response and ``flip``: gained, lost or same.
    """
    clips = _Clips()
    rules = _rules(run)
    others = {record.key: record for record in second.records} if second else {}
    scale = _Scale.of(run.metrics[0])
    judged, texts = conversations(run)
    rows = []
    for record in run.records:
        row = _row(scale, record)
        row["clip"] = clips.place(run, record)
        if rules:
            row["rules"] = _read_by(rules, record)
        if record.key in judged:
            row["judges"] = judged[record.key]
        if second:
            other = others.get(record.key)
            row |= _beside(scale, record, other)
            if other is not None:
                row["second"]["clip"] = clips.place(second, other)
        rows.append(row)
    groups = list(run.summary.by)
    return {"id": run.id, "rows": rows, "clips": clips.shown, "texts": texts, "groups": groups}


class _Clips:
    """Each clip's frames once, however many questions are asked about them."""

    def __init__(self) -> None:
        self.shown: list[dict[str, Any]] = []
        self._known: dict[tuple[str, str, tuple[int, ...]], int] = {}

    def place(self, run: Run, record: Record) -> int:
        known = (run.control, record.video, record.frames)
        if known not in self._known:
            self._known[known] = len(self.shown)
            frames = seen(run, record)
            moved = frames != list(record.frames)
            self.shown.append(
                {
                    "video": record.video,
                    "at": folder(record.video),
                    "frames": frames,
                    "times": record.times,
                    "control": run.control if moved or run.control == "no_times" else "",
                }
            )
        return self._known[known]


@dataclass(frozen=True)
class _Scale:
    """The headline's score: its ``name`` in ``Score.values``, its ``best`` value, its direction."""

    name: str
    best: float
    higher_is_better: bool

    @classmethod
    def of(cls, headline: Metric) -> _Scale:
        higher = headline.higher_is_better
        if not isinstance(headline, Summing):
            return cls(headline.name, 1.0, higher)
        bound = headline.high if higher else headline.low
        return cls(headline.value, 1.0 if bound is None else bound, higher)


def _row(scale: _Scale, record: Record) -> dict[str, Any]:
    question, response, score = record.question, record.response, record.score
    return {
        "key": record.key,
        "video": record.video,
        "status": record.status,
        "groups": {name: list(values) for name, values in question.groups.items()},
        "question": question.text,
        "options": list(question.options),
        "target": tables.plain(question.target),
        "answer": tables.plain(score.answer if score else None),
        "worth": _worth(scale, record),
        "right": _right(scale, record),
        "response": response.text if response else None,
        "thinking": response.thinking if response else "",
        "finish": response.finish if response else "",
        "tokens": _tokens(record),
        "told": score.explanation if score else "",
        "reason": record.reason or "",
        "notes": list(record.notes),
        "prompt": record.prompt,
    }


def _worth(scale: _Scale, record: Record) -> float | None:
    """The record's value of the headline; None where it has none."""
    return record.score.values.get(scale.name) if record.score else None


def _right(scale: _Scale, record: Record) -> str:
    """right, wrong (anything less than the best score), or none: nothing was scored."""
    value = _worth(scale, record)
    if value is None or record.status != "scored":
        return "none"
    return "right" if value == scale.best else "wrong"


def _tokens(record: Record) -> str:
    used = record.response.usage if record.response else None
    if used is None or used.input is None:
        return ""
    return f"{used.input} tokens read, {used.output} written"


def _rules(run: Run) -> Mapping[str, ChoiceScorer]:
    scorer = run.scorer
    if not isinstance(scorer, ChoiceScorer):
        return {}
    return {name: replace(scorer, extractor=name) for name in EXTRACTORS}


def _read_by(rules: Mapping[str, ChoiceScorer], record: Record) -> dict[str, list[str]]:
    """What the rules read in a response: each answer with the rules that read it."""
    found: dict[str, list[str]] = {}
    if record.response is not None and record.question.options:
        for name, rule in rules.items():
            answer = rule.score(record.question, record.response).answer
            found.setdefault(tables.plain(answer), []).append(name)
    return found


def _beside(scale: _Scale, record: Record, other: Record | None) -> dict[str, Any]:
    if other is None:
        return {"second": None, "flip": "not asked"}
    before, after = _worth(scale, record), _worth(scale, other)
    kept: Sequence[str] = ("status", "answer", "worth", "right", "response", "thinking", "reason")
    flip = "same"
    if before is None or after is None:
        flip = "same" if before is after else "not scored"
    elif before != after:
        flip = "gained" if (after > before) == scale.higher_is_better else "lost"
    row = _row(scale, other)
    return {"second": {name: row[name] for name in kept}, "flip": flip}
