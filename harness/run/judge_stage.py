"""Where a run asks its judge: after the responses are on disk, before numbers are made of them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.identity import describe
from harness.names import several
from harness.run.judge_controls import judge_controls, missing
from harness.run.judge_files import write_judgements
from harness.run.judge_options import PLAIN, JudgeOptions, of_judge
from harness.run.judge_verdicts import corrected, labels
from harness.run.judging import GENERATION, Judgements, Tell, judgements, scored
from harness.run.raised import clause
from harness.types import JSON, Failure, Generation, JudgedScorer, Model, Record, Sample

STORE = ".judge_calls"
"""The folder, beside the runs of a results folder, that keeps every call of every judge."""

NOT_JUDGED = "not judged: no judge was named"


def not_judged(responses: int, run: Path) -> str:
    """What is said, everywhere, of a run whose responses wait for a judge."""
    return f"{several(responses, 'response')} kept, not judged: harness score {run} judge=NAME"


class NoJudge:
    """Stands where a run names no judge: what a rule decides is scored, all else is not judged."""

    def identity(self) -> dict[str, JSON]:
        """Nobody."""
        return {"name": "none"}

    def generate(self, samples: Iterable[Sample], generation: Generation) -> Iterator[Failure]:
        """A failure for every prompt."""
        for sample in samples:
            for prompt in sample.prompts:
                yield Failure(prompt.key, "judge", NOT_JUDGED)


def judge_stage(
    scorer: object,
    judge: Model | None,
    records: Sequence[Record],
    run: Path,
    results: Path,
    tell: Tell = lambda line: None,
    options: JudgeOptions = PLAIN,
) -> tuple[list[Record], dict[str, Any] | None]:
    """The records as the judge scored them, and what a summary says of the judge (None: no judge
    is needed, or none is named): who it is, its settings, the calls this scoring made and found,
    its controls and which are missing; with ``options.calibrate`` the scores as people correct
    them.

    ``run`` is the run's folder, ``results`` the folder whose runs share kept calls.
    """
    if not isinstance(scorer, JudgedScorer):
        return list(records), None
    store = results / STORE
    if judge is None:
        found = judgements(NoJudge(), scorer, records, store)
        return [_without(scored(r, found.scores.get(r.key))) for r in records], None
    try:
        found = judgements(judge, scorer, records, store, tell)
    except HarnessError as error:  # a judge that cannot be had at all costs scores, no response
        lost = Failure("", "judge", f"no judge: {of_judge(error)}")
        return [scored(r, lost) if _open(r) else r for r in records], None
    outcomes = found.scores
    done = [scored(record, outcomes.get(record.key)) for record in records]
    write_judgements(run, found.by_key, judge, GENERATION)
    said = _said(judge, found) | _controls(judge, scorer, done, store, tell)
    if options.calibrate is not None:
        try:
            said["corrected"] = _corrected(done, scorer, options.calibrate, tell)
        except Exception as error:  # noqa: BLE001  # the run stands; only the correction does not
            said["not_corrected"] = clause(error)
            tell(f"judge.calibrate: not corrected: {clause(error)}")
    return done, said


def _without(record: Record) -> Record:
    """A record that waits for a judge, with the reason as it is: no judge failed."""
    if record.reason is None or not record.reason.endswith(NOT_JUDGED):
        return record
    return dataclasses.replace(record, reason=NOT_JUDGED)


def _said(judge: Model, found: Judgements) -> dict[str, Any]:
    """Who judged, and the prompts that the scores rest on: ``asked`` in this scoring, of these
    ``asked_again`` because an earlier reply could not be read, the others ``kept`` from before."""
    return {
        "identity": dict(judge.identity()),
        "settings": describe(GENERATION),
        "asked": found.asked,
        "asked_again": found.again,
        "kept": found.kept,
    }


def _controls(
    judge: Model, scorer: JudgedScorer, records: Sequence[Record], store: Path, tell: Tell
) -> dict[str, Any]:
    """The judge's controls on the scored records, and which are missing."""
    said: dict[str, Any] = {"controls": []}
    try:
        controls = judge_controls(judge, scorer, records, store, tell)
    except Exception as error:  # noqa: BLE001  # the verdicts stand; only their controls are lacking
        said["controls_missing"] = f"no controls: {clause(error)}"
        tell(f"judge: {said['controls_missing']}")
        return said
    said["controls"] = [dataclasses.asdict(control) for control in controls]
    if lacking := missing(scorer, controls, any(r.status == "scored" for r in records)):
        said["controls_missing"] = lacking
        tell(f"judge: {lacking}")
    return said


def _corrected(
    records: Sequence[Record], scorer: object, file: Path, tell: Tell
) -> dict[str, JSON]:
    """Every value that people gave verdicts on, corrected by them. Raises RequestError when these
    are about other responses, and JournalError for a file that cannot be read."""
    people = labels(file, records)
    found: dict[str, JSON] = {}
    for name in sorted({name for values in people.values() for name in values}):
        estimate = corrected(records, people, name, scorer)
        low, high = (None if math.isnan(end) else end for end in estimate.ci95)
        found[name] = {
            "value": estimate.value,
            "ci95": None if low is None or high is None else [low, high],
            "n": estimate.n,
            "clusters": estimate.clusters,
        }
        said = "" if low is None else f" [{low:.3f}, {high:.3f}]"
        tell(f"{name}, corrected by {estimate.n} verdicts of people: {estimate.value:.3f}{said}")
    return found


def _open(record: Record) -> bool:
    """Whether the record has a response that a judge could be asked about."""
    return record.response is not None and record.status not in ("failed", "truncated")
