"""The loop: clips in, records out, nothing lost on the way."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.journal import Journal, read_records, write_atomically
from harness.request import Request, run_id
from harness.types import Answer, Clip, Failure, Prompt, Record, Score, Task, WatchedClip

LONGEST_RESPONSE = 1_000_000
"""Characters. What a server sends beyond this is a failure, not an answer."""

_PACKAGES = ("harness", "torch", "transformers", "av", "numpy", "datasets")


@dataclass(frozen=True)
class Asked:
    """What a record needs to know of a question that is with the backend."""

    video: str
    prompt: Prompt
    frames: tuple[int, ...]
    times: tuple[float, ...]


class Recorder:
    """Turns what comes back into records and writes each at once."""

    def __init__(self, task: Task, journal: Journal) -> None:
        self._task = task
        self._journal = journal
        self._asked: dict[str, Asked] = {}

    def watching(self, clips: Iterator[WatchedClip]) -> Iterator[WatchedClip]:
        """Passes clips on to the backend, remembering what was asked of them (not the pixels)."""
        for watched in clips:
            frames, times = watched.frames.indices, tuple(watched.frames.times.tolist())
            for prompt in watched.prompts:
                self._asked[prompt.question.id] = Asked(watched.clip.id, prompt, frames, times)
            yield watched

    def answered(self, answer: Answer | Failure) -> Record:
        """Scores and records one answer, or records the failure."""
        asked = self._asked.pop(answer.question)
        record = self._record(asked, answer)
        self._journal.append(record)
        return record

    def unwatched(self, clip: Clip, reason: str) -> None:
        """Records every question of a clip that could not be read as failed."""
        for question in clip.questions:
            asked = Asked(clip.id, Prompt(question, ()), (), ())
            self._journal.append(self._record(asked, Failure(question.id, reason)))

    def unanswered(self) -> None:
        """Records what a backend was given and never answered."""
        for question in list(self._asked):
            self.answered(Failure(question, "the backend ended without an answer"))

    def _record(self, asked: Asked, answer: Answer | Failure) -> Record:
        question = asked.prompt.question
        if isinstance(answer, Answer) and len(answer.text) > LONGEST_RESPONSE:
            reason = f"a response of {len(answer.text):,} characters (limit {LONGEST_RESPONSE:,})"
            answer = Failure(answer.question, reason, answer.seconds)
        said = answer if isinstance(answer, Answer) else None
        score = self._task.score(question, said.text) if said else Score(None, None)
        status = "failed" if said is None else "unread" if score.value is None else "scored"
        return Record(
            question=question.id,
            video=asked.video,
            prompt=asked.prompt.text,
            frames=asked.frames,
            times=asked.times,
            response=said.text if said else None,
            finish=said.finish if said else None,
            answer=score.answer,
            score=score.value,
            status=status,
            reason=answer.reason if isinstance(answer, Failure) else None,
            seconds=round(answer.seconds, 4),
            options=question.options,
            gold=question.gold,
            groups=dict(question.groups),
            subtitles=asked.prompt.subtitles,
            probabilities=said.probabilities if said else None,
        )


@dataclass(frozen=True)
class Outcome:
    """What a run came to: its folder, and the summary written there."""

    folder: Path
    summary: Mapping[str, Any]


def run(request: Request, report: Callable[[str], None] = print) -> Outcome:
    """Runs a request to its end, or resumes it.

    Raises PlanError before anything is loaded when the run cannot fit, and JournalError when
    the run folder is busy, full or another's.
    """
    clips = prepared(request)
    plan = make_plan(request, clips)
    report(str(plan))
    plan.refuse(allow_overflow=request.allow_overflow)
    with Journal(request.folder(), describe(request)) as journal:
        before = {record.question: record for record in read_records(journal.folder)}
        waited = answer(request, pending(clips, before, request.retry_failures), journal)
        summary = conclude(request, journal.folder, waited)
    return Outcome(journal.folder, summary)


def prepared(request: Request) -> list[Clip]:
    """The clips this request asks about. Raises DataError when two questions share an id."""
    clips = select(request.benchmark.clips(), request.limit)
    clips = arrange(clips, request.control, request.permute_options)
    ids = Counter(question.id for clip in clips for question in clip.questions)
    if twice := [id for id, count in ids.items() if count > 1]:
        raise DataError(f"{request.task}: question id {twice[0]!r} appears {ids[twice[0]]} times")
    return clips


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


def answer(request: Request, clips: Sequence[Clip], journal: Journal) -> float:
    """Asks and records every question of the clips; returns the seconds the model waited."""
    if not clips:
        return 0.0
    recorder = Recorder(request.benchmark, journal)
    options = request.video
    with (
        Reader(options.workers, options.timeout, options.in_flight) as reader,
        Progress(clips) as progress,
    ):
        watched = watch(clips, request, reader, recorder.unwatched)
        for reply in request.backend.answer(recorder.watching(watched), request.decoding):
            progress.update(recorder.answered(reply))
        recorder.unanswered()
        return reader.waited


def conclude(request: Request, folder: Path, waited: float) -> dict[str, Any]:
    """Derives summary.json from the records and the request."""
    records = read_records(folder)
    summary = summarise(
        records,
        task=request.task,
        model=request.model,
        frames=request.sampling.frames,
        denominator=request.benchmark.denominator,
        aggregate=request.benchmark.aggregate,
        breakdowns=request.benchmark.breakdowns,
        seconds=sum(record.seconds for record in records),
        waited=waited,
    )
    write_atomically(folder / "summary.json", json.dumps(summary, indent=2) + "\n")
    return summary


def describe(request: Request) -> dict[str, Any]:
    """What request.json holds: the identity, the settings it came from, and where it ran."""
    identity = request.identity()
    return {
        "id": run_id(identity),
        "task": request.task,
        "model": request.model,
        "frames": request.sampling.frames,
        "identity": identity,
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
