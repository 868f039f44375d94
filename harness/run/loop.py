"""The loop: clips in, records out, nothing lost on the way."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import platform
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from harness.controls import asked
from harness.errors import DataError, JournalError
from harness.names import DISTRIBUTION, several
from harness.report import html
from harness.report.runs import load
from harness.report.summary import Summary, summarise
from harness.rows import BadRow
from harness.run.changes import still_right
from harness.run.checks import refuse_idle, refuse_same
from harness.run.journal import Journal, read_records, write_atomically
from harness.run.judge_stage import judge_stage
from harness.run.judging import LIMIT
from harness.run.log import run_log
from harness.run.plan import Plan, make_plan
from harness.run.progress import Progress
from harness.run.request import Request, run_id
from harness.run.scoring import rewrite, score_records, written_whole
from harness.run.share import share_of_peak
from harness.run.workers import answer
from harness.subset import select
from harness.types import Clip, Question, Record

MOST_DEGENERATE = 0.05
"""Share of empty or endlessly repeating answers above which a run is not to be trusted."""

MOST_TRUNCATED = 0.05
"""Share of responses cut off before their answer above which a run complains."""

_PACKAGES = (DISTRIBUTION, "torch", "transformers", "av", "numpy", "datasets")
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What a run came to: its folder, its summary as written there, and what is wrong with it."""

    folder: Path
    summary: Summary
    complaints: tuple[str, ...]


class Stopping(Protocol):
    """What may end a run before its last clip, when enough is known."""

    def arrange(self, clips: Sequence[Clip]) -> list[Clip]:
        """The clips in the order in which they are to be asked."""
        ...

    def enough(self, record: Record) -> bool:
        """Takes in a record as it was answered, not scored yet; whether no more are needed."""
        ...


def run(
    request: Request,
    tell: Tell = print,
    progress: bool = True,
    stopping: Stopping | None = None,
) -> Outcome:
    """Runs a request to its end, or resumes it; ``tell`` is given the plan before weights load and
    what an earlier run left; ``progress`` shows a bar, or lines, on standard error; ``stopping``
    may order the clips, and end the run before the last (it is then incomplete, and can be
    resumed).

    Raises PlanError before anything is loaded when the run cannot fit, and JournalError when
    the run folder is busy, full or another's.
    """
    refuse_same(request)
    request.identity()  # weights that are missing are found out before anything takes time
    bad: list[BadRow] | None = [] if request.allow_failures else None
    clips = prepared(request, bad)
    needed = make_plan(request, clips)
    tell(str(needed))
    needed.refuse(allow_overflow=request.allow_overflow)
    request.benchmark.prepare(clips)
    if bad is not None:
        bad.clear()
    clips = prepared(request, bad)  # now with the paths of what was fetched
    described = describe(request, clips)
    number, shards = request.part or (0, 1)
    shard = None if request.part is None else number
    with Journal(request.folder(), described, shard) as journal, run_log(journal.folder) as log:
        log.info("%s on %s: %s", request.model, request.task, str(needed).replace("\n", "; "))
        left_out = [row.record() for row in bad or ()] if request.limit is None else []
        before = _before(request, clips, left_out, journal, tell)
        share = clips[number::shards]
        left = pending(share, before, request.retry_failures)
        questions = sum(len(clip.questions) for clip in share)
        kept = questions - sum(len(clip.questions) for clip in left)
        if line := _kept(questions, kept):
            tell(line)
            log.info(line)
        waited = 0.0
        if stopping is not None:
            known = [stopping.enough(record) for record in before.values()]
            left = [] if any(known) else stopping.arrange(left)
        if left:
            waited = answer(
                request,
                left,
                journal.folder,
                Progress(left, kept=kept, stream=sys.stderr if progress else None),
                number,
                enough=stopping.enough if stopping is not None else None,
            )
        with journal.alone() as alone:
            outcome = conclude(request, clips, journal.folder, waited, alone, tell, left_out)
        if line := _hidden(outcome.summary):
            tell(line)
        for complaint in outcome.complaints:
            log.warning(complaint)
        return outcome


def plan(request: Request) -> Plan:
    """What the request will need, without running it."""
    return make_plan(request, prepared(request))


def prepared(request: Request, bad: list[BadRow] | None = None) -> list[Clip]:
    """The clips this request asks about, in the benchmark's order; rows that cannot be asked are
    put into ``bad``. Without it they raise DataError, as does a benchmark without questions."""
    every = list(request.benchmark.clips(bad))
    if not every and not bad:
        raise DataError(f"task={request.task}: there are no questions in its rows; check data=")
    refuse_idle(request.benchmark, every, request.control, request.permute_options)
    chosen = select(every, request.limit)
    return asked(chosen, request.control, request.permute_options, request.repeats)


def pending(
    clips: Sequence[Clip], before: Mapping[str, Record], retry_failures: bool
) -> list[Clip]:
    """The clips with only the questions that are still to be asked."""

    def finished(question: Question) -> bool:
        record = before.get(question.key)
        return record is not None and not (retry_failures and record.status == "failed")

    left = (
        dataclasses.replace(clip, questions=tuple(q for q in clip.questions if not finished(q)))
        for clip in clips
    )
    return [clip for clip in left if clip.questions]


def _before(
    request: Request, clips: Sequence[Clip], bad: Sequence[Record], journal: Journal, tell: Tell
) -> Mapping[str, Record]:
    """The records of an earlier run of this request that still are of what would be asked now, by
    key. All else is taken out of its files. Raises JournalError where other shards hold them."""
    left_out = {record.key for record in bad}
    known = [record for record in read_records(journal.folder) if record.key not in left_out]
    found = still_right(request.benchmark, clips, known)
    if lines := list(found.lines()):
        with journal.alone() as alone:
            if not alone:
                raise JournalError(f"{journal.folder}: {lines[0]}: stop the other shards first")
            rewrite(journal.folder, list(found.records.values()))
        for line in lines:
            tell(line)
    return found.records


def conclude(
    request: Request,
    clips: Sequence[Clip],
    folder: Path,
    waited: float,
    alone: bool = True,
    tell: Tell = lambda line: None,
    bad: Sequence[Record] = (),
) -> Outcome:
    """Scores what is not scored yet, and derives summary.json and report.html. Records are
    rewritten only ``alone``: other shards may be appending to them. ``bad`` are the records of rows
    that could not be asked."""
    known = read_records(folder)
    kept = {record.key: record for record in (*known, *bad)}
    task, records = request.benchmark, list(kept.values())
    records = score_records(task, records)
    records, judge = judge_stage(
        task.scorer, request.judge, records, folder, request.results, tell, request.judging
    )
    if alone and not (records == known and written_whole(folder, len(known))):
        rewrite(folder, records)
    summary = summarise(
        records,
        task=request.task,
        model=request.model,
        frames=request.sampling.frames,
        metrics=task.metrics,
        scorer=task.scorer,
        breakdowns=task.breakdowns,
        expected=sum(len(clip.questions) for clip in clips) + len(bad),
        seconds=sum(record.response.seconds for record in records if record.response),
        waited=waited,
        judge=judge,
        unjudged=LIMIT if judge else 0.0,
        share=share_of_peak(request.backend, records),
    )
    write_summary(folder, summary)
    longer = 4 * request.generation.max_new_tokens
    found = tuple(complaints(records, summary, request.allow_failures, longer))
    return Outcome(folder, summary, found)


def write_summary(folder: Path, summary: Summary) -> None:
    """summary.json, and the page that is derived from it and the records; of a very large run only
    `harness view` makes one."""
    text = json.dumps(summary.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(folder / "summary.json", text + "\n")
    if (summary.expected or 0) <= html.LARGEST:
        write_atomically(folder / "report.html", html.page(load(folder)))


def _kept(questions: int, kept: int) -> str:
    """What an earlier run of the same request left; empty where there was none."""
    if not kept:
        return ""
    if kept == questions:
        return f"{several(questions, 'question')} answered already: complete, nothing to do"
    return f"{kept:,} of {several(questions, 'question')} already answered"


def _hidden(summary: Summary) -> str:
    """What is said of questions whose labels the benchmark's authors keep; empty without any."""
    if not summary.unlabelled:
        return ""
    return (
        f"the labels of {several(summary.unlabelled, 'question')} are hidden: answers are recorded "
        "and not scored; harness export writes them as the benchmark's server takes them"
    )


def complaints(
    records: Sequence[Record], summary: Summary, allow_failures: bool, longer: int
) -> Iterator[str]:
    """What is wrong with a run, a line each; ``longer`` is a number of tokens to try instead."""
    failed = [record for record in records if record.status == "failed"]
    count = several(len(records), "question")
    if failed and not allow_failures:
        yield (
            f"{len(failed)} of {count} failed, the first with: "
            f"{failed[0].reason} (question {failed[0].key}); run again to retry them"
        )
    builds = {r.response.fingerprint for r in records if r.response and r.response.fingerprint}
    if len(builds) > 1:
        yield (
            f"the server's build changed within the run ({', '.join(sorted(builds)[:4])}): its "
            "answers are not one model's; move the run's folder away and run again"
        )
    if summary.unscored:
        first = next(record for record in records if record.status == "unscored")
        yield f"{summary.unscored} of {count} could not be scored, the first: {first.reason}"
    if summary.truncated > MOST_TRUNCATED * len(records):
        yield (
            f"{summary.truncated} of {count} were cut off before their answer: set "
            f"generation.max_new_tokens={longer} or more"
        )
    if summary.degenerate > MOST_DEGENERATE * len(records):
        yield (
            f"{summary.degenerate} of {len(records)} answers are empty or one token repeated: the "
            "prompt overflows the model's context, or the checkpoint is damaged; do not use this "
            "score"
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
