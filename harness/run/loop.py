"""The loop: clips in, records out, nothing lost on the way."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from harness.errors import HarnessError
from harness.names import DISTRIBUTION, several
from harness.rows import BadRow
from harness.run import energy
from harness.run.checks import refuse_early
from harness.run.conclusion import Outcome, conclude, hidden_labels
from harness.run.journal import Journal
from harness.run.judging import refuse_missing, refuse_unwilling
from harness.run.log import run_log
from harness.run.plan import Plan, make_plan, missing_line, missing_videos
from harness.run.progress import LOG, Progress
from harness.run.questions import by_video, fetched, kept_records, pending, prepared
from harness.run.request import Request, run_id
from harness.run.sessions import begin, ended_whole
from harness.run.waiting import waited_in_all
from harness.run.workers import answer
from harness.types import Clip, Costing, JudgedScorer, Record

_PACKAGES = (DISTRIBUTION, "torch", "transformers", "av", "numpy", "datasets")
Tell = Callable[[str], None]


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
    refuse_early(request)
    request.identity()  # weights that are missing are found out before anything takes time
    bad: list[BadRow] | None = [] if request.allow_failures else None
    clips = prepared(request, bad)
    needed = make_plan(request, clips)
    if not ended_whole(request.folder()):
        tell(str(needed))
    needed.refuse(allow_overflow=request.allow_overflow)
    clips = fetched(request, clips, bad)
    left_out = [row.record() for row in bad or ()] if request.limit is None else []
    shard = None if request.part is None else request.part[0]
    described = describe(request, clips)
    with Journal(request.folder(), described, shard) as journal, run_log(journal.folder) as log:
        log.info("%s on %s: %s", request.model, request.task, str(needed).replace("\n", "; "))
        notes = [_passed_over(bad or (), request.limit)]
        left, kept = _left(request, clips, left_out, journal, tell, stopping)
        if left:
            notes.append(begin(journal, described["environment"], request.shard, kept))
        for line in filter(None, notes):
            tell(line)
            log.warning(line)
        waited = _asked(request, left, journal.folder, kept, progress, stopping)
        outcome = _concluded(request, clips, journal, waited, tell, left_out)
        for complaint in outcome.complaints:
            log.warning(complaint)
        return outcome


def _concluded(
    request: Request,
    clips: Sequence[Clip],
    journal: Journal,
    waited: float,
    tell: Tell,
    left_out: Sequence[Record],
) -> Outcome:
    """The run's end; records are rewritten where no other shard is at work."""
    with journal.alone() as alone:
        outcome = conclude(
            request, clips, journal.folder, waited, alone, tell, left_out, journal.records
        )
    if line := hidden_labels(outcome.summary):
        tell(line)
    return outcome


def plan(request: Request) -> Plan:
    """What the request will need, without running it. Raises what is wrong first; all else that is
    missing (rows, checkpoint, a judge's checkpoint, videos) stands in its notes, a line each."""
    refuse_early(request)
    failed: list[HarnessError] = []
    clips: list[Clip] = []
    with _noted(failed):
        clips = prepared(request)
    needed: Plan | None = None
    with _noted(failed):
        needed = make_plan(request, clips)
    with _noted(failed):
        refuse_missing(request.judge)
    if needed is not None and not failed:
        return needed
    first, *others = failed
    for line in filter(None, (*map(str, others), missing_line(missing_videos(clips)))):
        first.add_note(line)
    raise first


@contextmanager
def _noted(failed: list[HarnessError]) -> Iterator[None]:
    """Puts a HarnessError within the block to the others."""
    try:
        yield
    except HarnessError as error:
        failed.append(error)


def _left(
    request: Request,
    clips: Sequence[Clip],
    bad: Sequence[Record],
    journal: Journal,
    tell: Tell,
    stopping: Stopping | None,
) -> tuple[list[Clip], int]:
    """What this process has still to ask of the clips, in its order, and how many questions of its
    share were answered before."""
    before = kept_records(request, clips, bad, journal, tell)
    number, shards = request.part or (0, 1)
    share = clips[number::shards]
    left = pending(share, before, request.retry_failures)
    kept = _questions(share) - _questions(left)
    if line := _kept(_questions(share), kept):
        tell(line)
        LOG.info(line)
    if stopping is None:
        return by_video(left), kept
    known = [stopping.enough(record) for record in before.values()]
    return [] if any(known) else stopping.arrange(left), kept


def _asked(
    request: Request,
    clips: Sequence[Clip],
    folder: Path,
    kept: int,
    progress: bool,
    stopping: Stopping | None,
) -> float:
    """Has the clips' questions answered, ``kept`` others were before; the seconds that models
    waited for frames."""
    if not clips:
        return 0.0
    if request.judge is not None and isinstance(request.benchmark.scorer, JudgedScorer):
        refuse_unwilling(request.judge)
    waited_in_all(folder, 0.0)  # an earlier session's, where only its summary says so
    (folder / "summary.json").unlink(missing_ok=True)
    before = energy.joules() if _measurable(request) else None
    waited = answer(
        request,
        clips,
        folder,
        Progress(clips, kept=kept, stream=sys.stderr if progress else None),
        request.part[0] if request.part else 0,
        enough=stopping.enough if stopping is not None else None,
    )
    energy.keep(folder, before, _questions(clips))
    return waited


def _measurable(request: Request) -> bool:
    """Whether this machine's GPUs, and no other run's part of them, answer the request."""
    local = request.runner == "local" and request.part is None
    return local and isinstance(request.backend, Costing)


def _questions(clips: Sequence[Clip]) -> int:
    return sum(len(clip.questions) for clip in clips)


def _kept(questions: int, kept: int) -> str:
    """What an earlier run of the same request left; empty where there was none."""
    if not kept:
        return ""
    if kept == questions:
        return f"{several(questions, 'question')} answered already: nothing left to ask"
    return f"{kept:,} of {several(questions, 'question')} already answered"


def _passed_over(bad: Sequence[BadRow], limit: int | None) -> str:
    """What is said of rows that cannot be asked where only some are: the chosen ones are others,
    so no count of the run holds these. Empty for a whole run, which counts them as failed."""
    if limit is None or not bad:
        return ""
    return (
        f"{several(len(bad), 'row')} cannot be asked, and with limit={limit} none of the run's "
        f"questions is of them, the first: {bad[0].reason}"
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
