"""The loop: clips in, records out, nothing lost on the way."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.errors import DataError
from harness.run.journal import Journal, read_records, write_atomically
from harness.run.plan import Plan, make_plan
from harness.report import html
from harness.report.runs import load
from harness.report.summary import summarise
from harness.run.request import Request, run_id
from harness.scoring.degenerate import is_degenerate
from harness.types import Clip, Question, Record
from harness.run.loading import arranged, select
from harness.run.workers import answer

MOST_DEGENERATE = 0.05
"""Share of empty or endlessly repeating answers above which a run is not to be trusted."""

_PACKAGES = ("harness", "torch", "transformers", "av", "numpy", "datasets")


@dataclass(frozen=True)
class Outcome:
    """What a run came to: its folder, the summary written there, and what is wrong with it."""

    folder: Path
    summary: Mapping[str, Any]
    complaints: tuple[str, ...]


def run(request: Request, tell: Callable[[str], None] = print) -> Outcome:
    """Runs a request to its end, or resumes it; ``tell`` is given the plan before weights load.

    Raises PlanError before anything is loaded when the run cannot fit, and JournalError when
    the run folder is busy, full or another's.
    """
    clips = prepared(request)
    needed = make_plan(request, clips)
    tell(str(needed))
    needed.refuse(allow_overflow=request.allow_overflow)
    request.benchmark.prepare(clips)
    clips = prepared(request)  # now with the paths of what was fetched
    with Journal(request.folder(), describe(request, clips)) as journal:
        before = {record.question: record for record in read_records(journal.folder)}
        left = pending(clips, before, request.retry_failures)
        waited = answer(request, left, journal.folder) if left else 0.0
        return conclude(request, clips, journal.folder, waited)


def plan(request: Request) -> Plan:
    """What the request will need, without running it."""
    return make_plan(request, prepared(request))


def prepared(request: Request) -> list[Clip]:
    """The clips this request asks about, in the benchmark's order. Raises DataError."""
    chosen = select(request.benchmark.clips(), request.limit)
    if not chosen:
        raise DataError(f"task={request.task}: there are no questions in its rows; check data=")
    return arranged(chosen, request.control, request.permute_options)


def pending(
    clips: Sequence[Clip], before: Mapping[str, Record], retry_failures: bool
) -> list[Clip]:
    """The clips with only the questions that are still to be asked."""

    def finished(question: Question) -> bool:
        record = before.get(question.id)
        return record is not None and not (retry_failures and record.status == "failed")

    left = (
        dataclasses.replace(clip, questions=tuple(q for q in clip.questions if not finished(q)))
        for clip in clips
    )
    return [clip for clip in left if clip.questions]


def conclude(request: Request, clips: Sequence[Clip], folder: Path, waited: float) -> Outcome:
    """Derives summary.json and report.html from the records and the request."""
    records = read_records(folder)
    degenerate = sum(
        record.response is not None and is_degenerate(record.response) for record in records
    )
    summary = summarise(
        records,
        task=request.task,
        model=request.model,
        frames=request.sampling.frames,
        denominator=request.benchmark.denominator,
        aggregate=request.benchmark.aggregate,
        breakdowns=request.benchmark.breakdowns,
        seconds=sum(record.seconds for record in records),
        expected=sum(len(clip.questions) for clip in clips),
        extra={"waited": round(waited, 3), "degenerate": degenerate},
    )
    write_atomically(folder / "summary.json", json.dumps(summary, indent=2) + "\n")
    write_atomically(folder / "report.html", html.page(load(folder)))
    return Outcome(folder, summary, tuple(_complaints(request, records, degenerate)))


def _complaints(request: Request, records: Sequence[Record], degenerate: int) -> Iterator[str]:
    failed = [record for record in records if record.status == "failed"]
    if failed and not request.allow_failures:
        yield (
            f"{len(failed)} of {len(records)} questions failed, the first with: "
            f"{failed[0].reason} (question {failed[0].question}); run again to retry them"
        )
    if degenerate > MOST_DEGENERATE * len(records):
        yield (
            f"{degenerate} of {len(records)} answers are empty or one token repeated: the prompt "
            "overflows the model's context, or the checkpoint is damaged; do not use this score"
        )


def describe(request: Request, clips: Sequence[Clip]) -> dict[str, Any]:
    """What request.json holds: the identity, the settings it came from, and where it ran."""
    identity = request.identity()
    return {
        "id": run_id(identity),
        **identity,
        "frames": request.sampling.frames,
        "questions": sum(len(clip.questions) for clip in clips),
        "settings": dict(request.settings),
        "environment": {
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "python": platform.python_version(),
            "machine": f"{platform.system()} {platform.machine()}",
            "packages": {name: _version(name) for name in _PACKAGES},
        },
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
