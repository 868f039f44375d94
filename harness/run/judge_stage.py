"""Where a run asks its judge: after the responses are on disk, before numbers are made of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.identity import describe
from harness.run.judge_controls import judge_controls
from harness.run.judging import (
    GENERATION,
    Tell,
    judgement_file,
    judgements,
    scored,
    write_judgements,
)
from harness.types import JSON, Failure, Generation, JudgedScorer, Model, Record, Sample

STORE = ".judge_calls"
"""The folder, beside the runs of a results folder, that keeps every call of every judge."""


NO_JUDGE = "no judge was named: harness score RUN judge=NAME scores it"


@dataclass(frozen=True)
class NoJudge:
    """Stands where a run names no judge: what a rule decides is scored, all else fails."""

    def identity(self) -> dict[str, JSON]:
        """Nobody."""
        return {"name": "none"}

    def generate(self, samples: Iterable[Sample], generation: Generation) -> Iterator[Failure]:
        """A failure for every prompt."""
        for sample in samples:
            for prompt in sample.prompts:
                yield Failure(prompt.key, "judge", NO_JUDGE)


def judge_stage(
    scorer: object,
    judge: Model | None,
    records: Sequence[Record],
    run: Path,
    results: Path,
    tell: Tell = lambda line: None,
) -> tuple[list[Record], dict[str, Any] | None]:
    """The records as the judge scored them, and what a summary says of the judge (None: no judge
    is needed, or none is named): who it is, its settings, the calls made and found, its controls.

    ``run`` is the run's folder, ``results`` the folder whose runs share kept calls.
    """
    if not isinstance(scorer, JudgedScorer):
        return list(records), None
    asked = judge or NoJudge()
    store = results / STORE
    try:
        found = judgements(asked, scorer, records, store, tell)
    except HarnessError as error:  # a judge that cannot be had at all costs scores, no response
        lost = Failure("", "judge", f"no judge: {error}")
        return [scored(r, lost) if _open(r) else r for r in records], None
    outcomes = found.scores
    done = [scored(record, outcomes.get(record.key)) for record in records]
    if judge is None:
        return done, None
    identity = judge.identity()
    write_judgements(judgement_file(run, judge), found, identity)
    controls = judge_controls(judge, scorer, done, store, tell)
    return done, {
        "identity": dict(identity),
        "settings": describe(GENERATION),
        "asked": found.asked,
        "kept": found.kept,
        "controls": [dataclasses.asdict(control) for control in controls],
    }


def _open(record: Record) -> bool:
    """Whether the record has a response that a judge could be asked about."""
    return record.response is not None and record.status not in ("failed", "truncated")
